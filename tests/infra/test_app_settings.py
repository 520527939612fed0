"""The template sets what the app reads, and nothing that it does not."""

from pathlib import PurePosixPath

import psycopg.conninfo
import pytest
from pydantic import PostgresDsn, TypeAdapter

from shared.jobs import QUEUES
from shared.settings import Settings
from shared.storage.attachment_blobs import CONTAINER
from tests.infra.app_settings import (
    DEFAULTED,
    OF_THE_HOST,
    ONLY_LOCAL,
    app_settings,
    sample_settings,
    schedules,
    secret_of,
    uncovered,
    vault_secrets,
)
from tests.infra.bicep import BicepFile, properties_of, read_template, string_of, strings_in, template_from

FIELDS = {name.upper(): field.is_required() for name, field in Settings.model_fields.items()}
SECRETS = {
    name.upper()
    for name, field in Settings.model_fields.items()
    if name == "database_url" or not field.repr or "SecretStr" in str(field.annotation)
}


def test_every_setting_is_set_or_left_at_its_default_on_purpose() -> None:
    assert uncovered(FIELDS, app_settings(read_template()), DEFAULTED) == []


@pytest.mark.parametrize(
    ("removed", "added", "expected"),
    [
        ("WEBHOOK_KEY", "", "WEBHOOK_KEY is neither set nor left at its default on purpose"),
        ("SWEEP_SCHEDULE", "", "SWEEP_SCHEDULE is asked for by a trigger and not set"),
        ("", "WEBHOOK_KYE", "WEBHOOK_KYE is set and nothing reads it"),
        ("", "SYNC_LANES", "SYNC_LANES is set, so its default is not left"),
    ],
)
def test_a_setting_too_few_or_too_many_is_found(removed: str, added: str, expected: str) -> None:
    settings = app_settings(read_template()) | {added: "'x'"}
    settings.pop(removed, None)
    assert expected in uncovered(FIELDS, settings, DEFAULTED)


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
    assert expected in uncovered(FIELDS, settings, DEFAULTED | {defaulted: "planted"})


def test_the_settings_of_an_optional_part_count_too() -> None:
    text = """
    var some = { A: 'x' }
    var more = empty('') ? {} : { B__c: 'y' }
    resource settings 'Microsoft.Web/sites/config@2025-03-01' = { properties: union(some, more) }
    """
    assert app_settings(template_from({"app.bicep": text})) == {"A": "'x'", "B__C": "'y'"}


def test_every_reason_is_given() -> None:
    assert all({**DEFAULTED, **ONLY_LOCAL}.values())


def test_the_sample_file_holds_what_a_local_app_cannot_start_without() -> None:
    needed = {name for name, required in FIELDS.items() if required} | schedules()
    assert needed - sample_settings().keys() == set()


def test_the_sample_file_holds_nothing_that_is_unknown_in_azure() -> None:
    assert sample_settings().keys() - app_settings(read_template()).keys() == ONLY_LOCAL.keys()
    assert sample_settings().keys() - FIELDS.keys() - schedules() - OF_THE_HOST == {"FUNCTIONS_WORKER_RUNTIME"}


def test_the_sample_file_holds_no_secret() -> None:
    filled = {name for name in SECRETS & sample_settings().keys() if sample_settings()[name]}
    assert filled == {"DATABASE_URL"}
    assert "password" not in psycopg.conninfo.conninfo_to_dict(sample_settings()["DATABASE_URL"])


def test_schedules_are_the_same_in_azure_and_locally() -> None:
    settings = app_settings(read_template())
    assert {name: settings[name].strip("'") for name in schedules()} == {
        name: sample_settings()[name] for name in schedules()
    }


def test_every_secret_comes_from_the_vault() -> None:
    settings = app_settings(read_template())
    assert {name for name in SECRETS & settings.keys() if secret_of(settings[name]) is None} == set()


def test_every_reference_names_a_secret_that_the_template_puts_there() -> None:
    settings = app_settings(read_template())
    named = {secret for value in settings.values() if (secret := secret_of(value))}
    assert named - {"${webPubSubSecretName}"} == vault_secrets(read_template()) - {"web-pubsub-connection-string"}


def test_every_value_given_to_the_vault_has_its_name_in_the_list_of_secrets() -> None:
    params = properties_of(properties_of(_file("main.bicep").declared("module")["vault"].body)["params"])
    assert strings_in(params["secretNames"]) == list(properties_of(params["secretValues"]))


@pytest.mark.parametrize(
    "expression", ["'plain'", "webhookKey", "'@Microsoft.KeyVault(SecretUri=https://elsewhere.example/webhook-key)'"]
)
def test_what_is_not_a_reference_to_our_vault_is_not_taken_for_one(expression: str) -> None:
    assert secret_of(expression) is None


def test_the_functions_sign_in_to_postgres_as_the_application_and_check_who_answers() -> None:
    value = _file("main.bicep").declared("variable")["databaseUrl"].value
    assert value is not None
    url = string_of(value)
    for name, sample in {
        "${databaseAppRole}": "mail_app",
        "${uriComponent(databaseAppPassword)}": "p%40ss",
        "${database.outputs.host}": "db.example",
        "${databaseName}": "mail",
    }.items():
        url = url.replace(name, sample)
    parsed = psycopg.conninfo.conninfo_to_dict(str(TypeAdapter(PostgresDsn).validate_python(url)))
    assert parsed == {
        "user": "mail_app",
        "password": "p@ss",
        "host": "db.example",
        "port": "5432",
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
