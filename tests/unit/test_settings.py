"""Settings that contradict each other stop the process at its start."""

from typing import Any

import pytest
from pydantic import ValidationError

from shared.settings import Settings
from tests.unit.rich_content import CertificateHolder

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
