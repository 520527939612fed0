"""What Graph's refusals mean to us: by code, where the code is known; else by status; never by wording."""

import re
from collections.abc import Mapping
from typing import Any, Final

from shared.errors import (
    AdminConsentRequired,
    CursorExpired,
    MailboxUnavailable,
    ProviderError,
    ProviderItemNotFound,
    ProviderRejected,
    ProviderUnavailable,
    ReauthenticationRequired,
    Throttled,
)
from shared.providers.retry_after import retry_after_seconds

WORDING_CHARACTERS: Final = 300
_ADDRESS: Final = re.compile(r"\S+@\S+")


class IdMalformed(ProviderRejected):
    """Graph does not take it for an id of this mailbox."""


class AlreadyExists(ProviderRejected):
    """What was to be made is there; `wording` may name it."""

    def __init__(self, message: str, *, wording: str) -> None:
        super().__init__(message)
        self.wording = wording


class EndpointRefused(ProviderRejected):
    """Our own endpoint did not answer as Graph wants it to."""


class ExtensionForbidden(MailboxUnavailable):
    """Of subscriptions: the mailbox has as many as it may have."""


class TimedOut(ProviderUnavailable):
    """Graph, or the way from it, took too long over this answer: less may come in time."""


ERROR_BY_CODE: Final[Mapping[str, type[ProviderError]]] = {
    "syncstatenotfound": CursorExpired,
    "syncstateinvalid": CursorExpired,
    "resyncrequired": CursorExpired,
    "invalidsyncstatedata": CursorExpired,
    "erroritemnotfound": ProviderItemNotFound,
    "errorsyncfoldernotfound": ProviderItemNotFound,
    "errorfoldernotfound": ProviderItemNotFound,
    "errorcannotopenfileattachment": ProviderItemNotFound,
    "errorinvalididmalformed": IdMalformed,
    "invalidauthenticationtoken": ReauthenticationRequired,
    "erroraccessdenied": MailboxUnavailable,
    "authorization_requestdenied": AdminConsentRequired,
    "mailboxnotenabledforrestapi": MailboxUnavailable,
    "mailboxnotsupportedforrestapi": MailboxUnavailable,
    "errorinvaliduser": MailboxUnavailable,
    "errornonexistentmailbox": MailboxUnavailable,
    "request_resourcenotfound": MailboxUnavailable,
    "resourcenotfound": MailboxUnavailable,  # of mail; where it means an item, the caller knows
    "toomanyrequests": Throttled,
    "applicationthrottled": Throttled,
    "activitylimitreached": Throttled,
    "errorserverbusy": Throttled,
    "errormailboxstoreunavailable": ProviderUnavailable,
    "errormailboxmoveinprogress": ProviderUnavailable,
    "resourceunhealthy": ProviderUnavailable,
    "servicenotavailable": ProviderUnavailable,
    "unknownerror": ProviderUnavailable,
}
ERROR_BY_STATUS_AND_CODE: Final[Mapping[tuple[int, str], type[ProviderError]]] = {
    (400, "validationerror"): EndpointRefused,
    (403, "extensionerror"): ExtensionForbidden,
}
ERROR_BY_STATUS: Final[Mapping[int, type[ProviderError]]] = {
    401: ReauthenticationRequired,
    403: MailboxUnavailable,
    404: ProviderItemNotFound,
    408: ProviderUnavailable,
    409: AlreadyExists,
    410: CursorExpired,
    429: Throttled,
    504: TimedOut,
}


def error_from(status: int, headers: Mapping[str, str], document: Any) -> ProviderError:  # noqa: ANN401 - whatever JSON holds
    """
    Say what a refusal means. `document` is its body, None when that is not JSON; header names have any case.

    The message keeps Graph's code, wording and request id, and no address.
    """
    error = document.get("error") if isinstance(document, dict) else None
    error = error if isinstance(error, dict) else {}
    code, wording = str(error.get("code") or ""), str(error.get("message") or "")
    told = {name.lower(): value for name, value in headers.items()}
    wait = retry_after_seconds(told.get("retry-after"), told.get("date"))
    kind = _kind(status, code, is_json=document is not None, may_wait=wait is not None)
    message = _message(status, code, wording, told.get("request-id") or _inner_request_id(error))
    if issubclass(kind, ProviderUnavailable):
        return kind(message, retry_after_seconds=wait)
    if issubclass(kind, AlreadyExists):
        return kind(message, wording=wording)
    return kind(message)


def _kind(status: int, code: str, *, is_json: bool, may_wait: bool) -> type[ProviderError]:
    if status == 429 or (status == 503 and may_wait):  # noqa: PLR2004 - HTTP's own numbers
        return Throttled
    if known := ERROR_BY_CODE.get(code.lower()) or ERROR_BY_STATUS_AND_CODE.get((status, code.lower())):
        return TimedOut if (status, known) == (504, ProviderUnavailable) else known  # whose code says nothing
    if not is_json and status not in (401, 403):  # a gateway's page, not Graph's word on what we asked
        return TimedOut if status == 504 else ProviderUnavailable  # noqa: PLR2004 - as above
    if status >= 500 or status < 400:  # noqa: PLR2004 - as above
        return ERROR_BY_STATUS.get(status, ProviderUnavailable)
    return ERROR_BY_STATUS.get(status, ProviderRejected)


def _message(status: int, code: str, wording: str, request_id: str) -> str:
    wording = _ADDRESS.sub("<address>", wording[:WORDING_CHARACTERS])
    return f"{status} {code or 'without a code'}: {wording} (request-id {request_id or 'unknown'})"


def _inner_request_id(error: Mapping[str, Any]) -> str:
    inner = error.get("innerError") or error.get("innererror")
    return str(inner.get("request-id") or "") if isinstance(inner, dict) else ""
