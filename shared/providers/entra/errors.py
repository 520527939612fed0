"""What Entra's refusals mean to us."""

import re
from collections.abc import Mapping
from typing import Any, Final

from shared.errors import (
    AdminConsentRequired,
    MailboxUnavailable,
    ProviderError,
    ProviderMisconfigured,
    ProviderRejected,
    ProviderUnavailable,
    ReauthenticationRequired,
)

WORDING_CHARACTERS: Final = 300
_ADDRESS: Final = re.compile(r"\S+@\S+")


class ConsentDenied(ProviderError):
    """The person said no, or met the page that says that an administrator must agree."""


ERROR_BY_CODE: Final[Mapping[str, type[ProviderError]]] = {
    "invalid_grant": ReauthenticationRequired,
    "interaction_required": ReauthenticationRequired,
    "consent_required": AdminConsentRequired,
    "login_required": ReauthenticationRequired,
    "invalid_client": ProviderMisconfigured,
    "unauthorized_client": ProviderMisconfigured,
    "invalid_scope": ProviderMisconfigured,
    "invalid_request": ProviderMisconfigured,
    "invalid_resource": ProviderMisconfigured,
    "unsupported_grant_type": ProviderMisconfigured,
    "unsupported_response_type": ProviderMisconfigured,
    "temporarily_unavailable": ProviderUnavailable,
    "server_error": ProviderUnavailable,
}
AUTHORIZE_ERROR_BY_CODE: Final[Mapping[str, type[ProviderError]]] = {
    **ERROR_BY_CODE,
    "access_denied": ConsentDenied,
}

# An account that no sign-in brings back: a password to change, disabled, unknown, not assigned to this application.
_CLOSED_SUBERRORS: Final = frozenset(("user_password_expired", "message_only"))
_CLOSED_NUMBERS: Final = frozenset((50055, 50057, 50034, 50020, 50105))

# What an administrator of the owner's organisation has to allow: consent missing or forbidden to users; this
# application not known there, or disabled.
_CONSENT_SUBERROR: Final = "consent_required"
_CONSENT_NUMBERS: Final = frozenset((65001, 90094))
_UNKNOWN_APP_NUMBERS: Final = frozenset((700011, 700016, 70001))


def error_from(answer: Mapping[str, Any]) -> ProviderError:
    """Say what a refusal of the token endpoint means; the message keeps its words and numbers, and no address."""
    code, told = str(answer.get("error") or ""), answer.get("error_codes")
    numbers, suberror = (
        frozenset(map(str, told)) if isinstance(told, list) else frozenset(),
        str(answer.get("suberror")),
    )
    kind = _kind(code.lower(), suberror, frozenset(int(each) for each in numbers if each.isdecimal()))
    error = kind(_message(code, answer))
    if isinstance(error, ReauthenticationRequired) and isinstance(answer.get("claims"), str):
        error.claims = answer["claims"]
    return error


def _kind(code: str, suberror: str, numbers: frozenset[int]) -> type[ProviderError]:
    kind = ERROR_BY_CODE.get(code, ProviderRejected)
    if kind is ReauthenticationRequired:
        if suberror in _CLOSED_SUBERRORS or numbers & _CLOSED_NUMBERS:
            return MailboxUnavailable
        if suberror == _CONSENT_SUBERROR or numbers & _CONSENT_NUMBERS:
            return AdminConsentRequired
    if code == "unauthorized_client" and numbers & _UNKNOWN_APP_NUMBERS:
        return AdminConsentRequired
    return kind


def authorize_error_from(answer: Mapping[str, str]) -> ProviderError:
    """Say what it means that a browser came back from signing in with an error."""
    code = answer.get("error", "")
    return AUTHORIZE_ERROR_BY_CODE.get(code.lower(), ProviderRejected)(_message(code, answer))


def _message(code: str, answer: Mapping[str, Any]) -> str:
    wording = _ADDRESS.sub("<address>", str(answer.get("error_description") or "").partition("\r\n")[0])
    suberror = answer.get("suberror") or answer.get("error_subcode") or "no suberror"
    trace = answer.get("trace_id") or "unknown"
    return f"{code or 'no code'} ({suberror}): {wording[:WORDING_CHARACTERS]} (trace {trace})"
