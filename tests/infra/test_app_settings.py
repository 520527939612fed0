"""The template sets what the app reads, and nothing that it does not."""

from pathlib import PurePosixPath

import psycopg.conninfo
import pytest
from pydantic import PostgresDsn, TypeAdapter

from dev.infra.app_settings import (
    DEFAULTED,
    FIELDS,
    OF_THE_HOST,
    OF_THE_VAULT,
    ONLY_LOCAL,
    SECRETS,
    app_settings,
    exposed,
    sample_settings,
    schedules,
    secret_of,
    uncovered,
)
from dev.infra.bicep import BicepFile, read_template, strings_in
from shared.jobs import QUEUES
from shared.storage.attachment_blobs import CONTAINER

REFERENCE = "@Microsoft.KeyVault(SecretUri=<vault.properties.vaultUri>secrets/webhook-key)"


def test_every_setting_is_set_or_left_at_its_default_on_purpose() -> None:
    assert uncovered(FIELDS, app_settings(read_template()), DEFAULTED, schedules()) == []


@pytest.mark.parametrize(
    ("removed", "added", "expected"),
    [
        ("WEB_BASE_URL", "", "WEB_BASE_URL is neither set nor left at its default on purpose"),
        ("SWEEP_SCHEDULE", "", "SWEEP_SCHEDULE is asked for by a trigger and not set"),
        ("", "WEBHOOK_KYE", "WEBHOOK_KYE is set and nothing reads it"),
        ("", "SYNC_LANES", "SYNC_LANES is set, so its default is not left"),
    ],
)
def test_a_setting_too_few_or_too_many_is_found(removed: str, added: str, expected: str) -> None:
    settings = app_settings(read_template()) | {added: "x"}
    settings.pop(removed, None)
    assert expected in uncovered(FIELDS, settings, DEFAULTED, schedules())


@pytest.mark.parametrize(
    ("defaulted", "expected"),
    [
        ("MICROSOFT_CLIENT_ID", "MICROSOFT_CLIENT_ID has no default to be left at"),
        ("GRAPH_URL", "GRAPH_URL is left at a default that does not exist"),
    ],
)
def test_a_default_that_cannot_be_left_is_found(defaulted: str, expected: str) -> None:
    settings = app_settings(read_template())
    settings.pop(defaulted, None)
    assert expected in uncovered(FIELDS, settings, DEFAULTED | {defaulted: "planted"}, schedules())


def test_both_profiles_set_the_same() -> None:
    assert app_settings(read_template(), "dev").keys() == app_settings(read_template(), "prod").keys()


def test_every_reason_is_given() -> None:
    assert all({**DEFAULTED, **ONLY_LOCAL}.values())


def test_the_sample_file_holds_what_a_local_app_cannot_start_without() -> None:
    needed = {name for name, required in FIELDS.items() if required} | OF_THE_VAULT.keys() | schedules()
    assert needed - sample_settings().keys() == set()


def test_the_sample_file_holds_nothing_that_is_unknown_in_azure() -> None:
    assert sample_settings().keys() - app_settings(read_template()).keys() == ONLY_LOCAL.keys()
    assert sample_settings().keys() - FIELDS.keys() - schedules() - OF_THE_HOST == {"FUNCTIONS_WORKER_RUNTIME"}


def test_the_sample_file_holds_no_secret() -> None:
    assert {name for name in SECRETS & sample_settings().keys() if sample_settings()[name]} == set()
    assert "password" not in psycopg.conninfo.conninfo_to_dict(sample_settings()["DATABASE_URL"])


def test_schedules_are_the_same_in_azure_and_locally() -> None:
    settings = app_settings(read_template())
    assert {name: settings[name] for name in schedules()} == {name: sample_settings()[name] for name in schedules()}


def test_every_secret_is_read_from_the_vault() -> None:
    assert exposed(app_settings(read_template())) == []
    assert SECRETS - app_settings(read_template()).keys() - DEFAULTED.keys() == OF_THE_VAULT.keys()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("WEBHOOK_KEY", REFERENCE, "WEBHOOK_KEY is a secret that the app reads from the vault"),
        ("WEB_PUBSUB_CONNECTION_STRING", "Endpoint=x", "is a secret, and no reference to the vault"),
        ("DATABASE_URL", "postgresql://mail_app:" + "p" + "@db/mail", "DATABASE_URL has a password"),
    ],
)
def test_a_secret_in_plain_sight_is_found(name: str, value: str, expected: str) -> None:
    found = exposed({**app_settings(read_template()), name: value})
    assert any(expected in fault for fault in found), found


@pytest.mark.parametrize("value", ["plain", "<webhookKey>", REFERENCE.replace("<vault.", "https://elsewhere.example/")])
def test_what_is_not_a_reference_to_our_vault_is_not_taken_for_one(value: str) -> None:
    assert secret_of(REFERENCE) == "webhook-key"
    assert secret_of(value) is None


@pytest.mark.parametrize(("profile", "port"), [("dev", "5432"), ("prod", "6432")])
def test_the_functions_sign_in_to_postgres_as_the_application_and_check_who_answers(profile: str, port: str) -> None:
    settings = app_settings(read_template(), profile)
    url = settings["DATABASE_URL"].replace("<server.properties.fullyQualifiedDomainName>", "db.example")
    parsed = psycopg.conninfo.conninfo_to_dict(str(TypeAdapter(PostgresDsn).validate_python(url)))
    assert settings["DATABASE_SIGN_IN"] == "entra"
    assert parsed == {
        "user": "mail_app",
        "host": "db.example",
        "port": port,
        "dbname": "mail",
        "sslmode": "verify-full",
        "sslrootcert": "/etc/ssl/certs/ca-certificates.crt",
    }


def test_queues_and_containers_are_the_ones_that_the_code_names() -> None:
    variables = _file("modules/storage.bicep").declared("variable")
    assert tuple(strings_in(variables["queueNames"].value)) == QUEUES
    assert strings_in(variables["poisonQueueNames"].value) == ["${queueName}-poison"]
    assert CONTAINER in strings_in(variables["containerNames"].value)


def _file(path: str) -> BicepFile:
    return read_template()[PurePosixPath(path)]
