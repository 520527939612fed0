"""What Entra's refusals mean to us."""

import re
from collections.abc import Mapping
from typing import Any, Final

from shared.errors import (
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


class ConsentRequired(ProviderError):
    """An administrator must agree first."""


ERROR_BY_CODE: Final[Mapping[str, type[ProviderError]]] = {
    "invalid_grant": ReauthenticationRequired,
    "interaction_required": ReauthenticationRequired,
    "consent_required": ReauthenticationRequired,
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
    "consent_required": ConsentRequired,
}

# An account that no sign-in brings back: a password to change, disabled, unknown, not assigned to this application.
_CLOSED_SUBERRORS: Final = frozenset(("user_password_expired", "message_only"))
_CLOSED_NUMBERS: Final = frozenset((50055, 50057, 50034, 50020, 50105))


def error_from(answer: Mapping[str, Any]) -> ProviderError:
    """Say what a refusal of the token endpoint means; the message keeps its words and numbers, and no address."""
    code, numbers = str(answer.get("error") or ""), answer.get("error_codes")
    kind = ERROR_BY_CODE.get(code.lower(), ProviderRejected)
    is_closed = str(answer.get("suberror")) in _CLOSED_SUBERRORS or not _CLOSED_NUMBERS.isdisjoint(
        numbers if isinstance(numbers, list) else ()
    )
    if kind is ReauthenticationRequired and is_closed:
        kind = MailboxUnavailable
    return kind(_message(code, answer))


def authorize_error_from(answer: Mapping[str, str]) -> ProviderError:
    """Say what it means that a browser came back from signing in with an error."""
    code = answer.get("error", "")
    return AUTHORIZE_ERROR_BY_CODE.get(code.lower(), ProviderRejected)(_message(code, answer))


def _message(code: str, answer: Mapping[str, Any]) -> str:
    wording = _ADDRESS.sub("<address>", str(answer.get("error_description") or "").partition("\r\n")[0])
    suberror = answer.get("suberror") or answer.get("error_subcode") or "no suberror"
    trace = answer.get("trace_id") or "unknown"
    return f"{code or 'no code'} ({suberror}): {wording[:WORDING_CHARACTERS]} (trace {trace})"
