"""What Entra's refusals mean."""

from typing import Any

import pytest

from shared.errors import (
    AdminConsentRequired,
    MailboxUnavailable,
    ProviderError,
    ProviderMisconfigured,
    ProviderRejected,
    ProviderUnavailable,
    ReauthenticationRequired,
)
from shared.providers.entra.errors import ConsentDenied, authorize_error_from, error_from


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"error": "invalid_grant", "error_codes": [700082]}, ReauthenticationRequired),
        ({"error": "invalid_grant", "suberror": "bad_token"}, ReauthenticationRequired),
        ({"error": "invalid_grant", "suberror": "basic_action", "error_codes": [50076]}, ReauthenticationRequired),
        ({"error": "invalid_grant", "suberror": "consent_required", "error_codes": [65001]}, AdminConsentRequired),
        ({"error": "invalid_grant", "error_codes": [90094]}, AdminConsentRequired),
        ({"error": "interaction_required"}, ReauthenticationRequired),
        ({"error": "invalid_grant", "suberror": "user_password_expired"}, MailboxUnavailable),
        ({"error": "invalid_grant", "error_codes": [50057]}, MailboxUnavailable),
        ({"error": "invalid_client", "error_codes": [7000222]}, ProviderMisconfigured),
        ({"error": "unauthorized_client", "error_codes": [700016]}, AdminConsentRequired),
        ({"error": "unauthorized_client"}, ProviderMisconfigured),
        ({"error": "invalid_scope", "error_codes": [70011]}, ProviderMisconfigured),
        ({"error": "temporarily_unavailable", "error_codes": [90033]}, ProviderUnavailable),
        ({"error": "something_new"}, ProviderRejected),
        ({"error": "invalid_grant", "error_codes": "7"}, ReauthenticationRequired),
        ({}, ProviderRejected),
    ],
)
def test_error_and_suberror_decide(answer: dict[str, Any], error: type[ProviderError]) -> None:
    assert type(error_from(answer)) is error


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("access_denied", ConsentDenied),
        ("consent_required", AdminConsentRequired),
        ("server_error", ProviderUnavailable),
        ("temporarily_unavailable", ProviderUnavailable),
        ("unauthorized_client", ProviderMisconfigured),
        ("invalid_request", ProviderMisconfigured),
        ("<script>", ProviderRejected),
    ],
)
def test_what_a_browser_brings_back_is_told_apart(code: str, error: type[ProviderError]) -> None:
    assert type(authorize_error_from({"error": code})) is error


def test_the_message_keeps_the_number_and_the_trace_and_no_address() -> None:
    description = "AADSTS50020: User account 'ada@contoso.example' does not exist.\r\nTrace ID: t\r\nTimestamp: now"
    error = error_from({"error": "invalid_grant", "error_description": description, "trace_id": "t"})
    assert str(error) == ("invalid_grant (no suberror): AADSTS50020: User account <address> does not exist. (trace t)")
