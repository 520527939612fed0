"""
Everything that goes wrong, named after what the caller must do.

    MailError
    ├── InvalidRequest            change the request
    │   ├── PayloadTooLarge         make it smaller
    │   ├── UnsupportedMediaType    send JSON
    │   └── ChangesExpired          read everything again, then follow from the newest position
    ├── Unauthenticated           sign in
    │   └── InvalidCredentials      with the right password
    ├── Forbidden                 ask somebody who may
    ├── NotFound                  it is not there, or not yours
    ├── Conflict                  look at the present state first
    ├── ServiceUnavailable        try again in a moment
    ├── JobInvalid                an operator looks at the job
    ├── StorageFailed             a bug of ours, which the database noticed
    └── ProviderError             the mail provider said no
        ├── ProviderUnavailable     try again later
        │   └── Throttled             ... not before `retry_after_seconds`
        ├── ReauthenticationRequired  the owner signs in again
        ├── AdminConsentRequired    an administrator of the owner's organisation lets us in
        ├── MailboxUnavailable      the owner or an administrator restores the mailbox
        ├── CursorExpired           enumerate that folder again
        ├── ProviderItemNotFound    gone or moved: reconcile
        ├── SubscriptionExists      adopt the existing one
        ├── SubscriptionRefused     a person helps; delta carries the account
        │   └── SubscriptionLimit      ... or ends other subscriptions of the mailbox
        ├── AnswerTooLarge          ask for less at a time
        ├── ProviderMisconfigured   an operator corrects our registration or secret
        └── ProviderRejected        a bug of ours: do not repeat

`code` and `title` are public and carry no data. The message may, and is logged, never answered.
"""

from typing import ClassVar


class MailError(Exception):
    """Root of every expected error."""

    code: ClassVar[str] = "internal"
    title: ClassVar[str] = "Something went wrong on our side; try again."


class InvalidRequest(MailError):
    code = "invalid_request"
    title = "The request is not valid; see errors."

    def __init__(self, message: str, *, errors: tuple[dict[str, str], ...] = ()) -> None:
        """Take public `errors`: {"field": dotted path, "message": what to change}."""
        super().__init__(message)
        self.errors = errors or ({"field": "", "message": message},)


class PayloadTooLarge(InvalidRequest):
    code = "payload_too_large"
    title = "The body is too large."


class UnsupportedMediaType(InvalidRequest):
    code = "unsupported_media_type"
    title = "The body must be JSON, and its Content-Type must say so."


class ChangesExpired(InvalidRequest):
    code = "changes_expired"
    title = "The change log no longer reaches back that far; read the mailbox again."


class Unauthenticated(MailError):
    code = "unauthenticated"
    title = "Sign in first: send a valid access token."


class InvalidCredentials(Unauthenticated):
    code = "invalid_credentials"
    title = "The e-mail address or the password is wrong."


class Forbidden(MailError):
    code = "forbidden"
    title = "That is not allowed."


class NotFound(MailError):
    code = "not_found"
    title = "There is nothing here that you can see."


class Conflict(MailError):
    code = "conflict"
    title = "That conflicts with the present state."


class EmailTaken(Conflict):
    code = "email_taken"
    title = "A user with this e-mail address exists; log in instead."


class MailboxTaken(Conflict):
    code = "mailbox_taken"
    title = "Another user of this system has connected this mailbox."


class AttachmentUnavailable(Conflict):
    code = "attachment_unavailable"
    title = "This attachment has no content that can be downloaded here."


class ServiceUnavailable(MailError):
    code = "service_unavailable"
    title = "A part of this system is not answering; try again in a moment."
    retry_after_seconds: ClassVar[float] = 2


class JobInvalid(MailError):
    code = "job_invalid"
    title = "A queue message could not be understood."


class StorageFailed(MailError):
    code = "storage_failed"
    title = "Something could not be stored."


class ProviderError(MailError):
    code = "provider_error"
    title = "The mail provider refused the request."


class ProviderUnavailable(ProviderError):
    code = "provider_unavailable"
    title = "The mail provider is not answering; try again later."

    def __init__(self, message: str, *, retry_after_seconds: float | None = None) -> None:
        """Take the provider's own wish, or None when it gave none."""
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class Throttled(ProviderUnavailable):
    code = "throttled"
    title = "The mail provider asks us to slow down; try again later."


class ReauthenticationRequired(ProviderError):
    code = "reauthentication_required"
    title = "The mailbox's owner must sign in again."
    claims: str | None = None
    """JSON: what the provider wants to see proved then."""


class AdminConsentRequired(ProviderError):
    code = "admin_consent_required"
    title = "An administrator of the mailbox's organisation must allow this app."


class MailboxUnavailable(ProviderError):
    code = "mailbox_unavailable"
    title = "The mailbox is suspended, not licensed, or closed to this app."


class CursorExpired(ProviderError):
    code = "cursor_expired"
    title = "The provider forgot our position in this folder."


class ProviderItemNotFound(ProviderError):
    code = "provider_item_not_found"
    title = "The item is gone from the mailbox."


class SubscriptionExists(ProviderError):
    code = "subscription_exists"
    title = "The subscription exists already."

    def __init__(self, message: str, *, provider_subscription_id: str | None) -> None:
        """Take the existing one's id, or None when the answer did not name it."""
        super().__init__(message)
        self.provider_subscription_id = provider_subscription_id


class SubscriptionRefused(ProviderError):
    code = "subscription_refused"
    title = "The mail provider could not confirm with this system that it wants notifications."


class SubscriptionLimit(SubscriptionRefused):
    code = "subscription_limit"
    title = "The mailbox has as many subscriptions as its provider permits."


class AnswerTooLarge(ProviderError):
    code = "answer_too_large"
    title = "The mail provider's answer was too large to be taken at once."


class ProviderMisconfigured(ProviderError):
    code = "provider_misconfigured"
    title = "This system's registration with the mail provider needs an operator."


class ProviderRejected(ProviderError):
    code = "provider_rejected"
    title = "The mail provider did not accept the request."


_OUTAGES = ("08", "40", "53", "57", "58")  # connection, deadlock, resources such as the disk, shut-down, system
_READ_ONLY = "25006"  # a standby that is about to take over


def is_outage(sqlstate: str) -> bool:
    """Tell by SQLSTATE whether the database could not, rather than would not."""
    return sqlstate[:2] in _OUTAGES or sqlstate == _READ_ONLY
