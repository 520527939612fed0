"""Settings are read from the environment; what is wrong with them stops the process at its start."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from shared.settings import Settings, settings_from
from tests.unit.rich_content import CertificateHolder

RINGS = ("jwt_signing_keys", "token_encryption_keys", "audit_signing_keys")
RING = {"notification_certificates": {"first": CertificateHolder().pem}}
NAMED = {"notification_certificate_name": "notifications", "key_vault_url": "https://vault.example"}


@pytest.mark.parametrize("source", [RING, NAMED, NAMED | {"notification_certificates": {}}])
def test_content_needs_one_source_of_certificates(given: dict[str, Any], source: dict[str, Any]) -> None:
    assert Settings.model_validate({**given, "rich_notifications": True, **source}).rich_notifications


@pytest.mark.parametrize(
    "changes",
    [
        {"rich_notifications": True},
        {"rich_notifications": True, "notification_certificates": {}},
        {"rich_notifications": True, **RING, **NAMED},
        {"notification_certificate_name": "notifications"},
    ],
)
def test_no_source_two_sources_or_a_name_without_a_vault_are_refused(
    given: dict[str, Any], changes: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError, match="NOTIFICATION_CERTIFICATE"):
        Settings.model_validate({**given, **changes})


@pytest.fixture
def environment(given: dict[str, Any]) -> dict[str, str]:
    """The same as a process sees it."""
    return {name.upper(): json.dumps(value) if isinstance(value, dict) else value for name, value in given.items()}


def test_the_environment_is_text_under_names_in_upper_case(given: dict[str, Any], environment: dict[str, str]) -> None:
    environment |= {"SYNC_LANES": "3", "AzureWebJobsStorage__accountName": "mail", "PATH": "/usr/bin"}
    read = settings_from(environment)
    assert read == Settings.model_validate({**given, "sync_lanes": 3, "azurewebjobsstorage__accountname": "mail"})
    assert all(getattr(read, ring) for ring in RINGS)


@pytest.mark.parametrize("text", ["", "s3cret", "[]", '"s3cret"', "{}", '{"first": "s3cret"}', '{"s3cret'])
def test_keys_that_cannot_be_read_are_named_and_not_quoted(environment: dict[str, str], text: str) -> None:
    with pytest.raises(ValidationError, match="jwt_signing_keys") as refused:
        settings_from(environment | {"JWT_SIGNING_KEYS": text})
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("name", ["OPERATOR_KEYS", "NOTIFICATION_CERTIFICATES"])
def test_an_object_that_is_none_is_refused(environment: dict[str, str], name: str) -> None:
    with pytest.raises(ValidationError, match="expected a JSON object such as"):
        settings_from(environment | {name: "not JSON"})
