"""Bodies, queries and replies of the HTTP API. The OpenAPI document and the page's typed client come from here."""

import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, EmailStr, Field, StringConstraints, field_validator

from shared.models.mail import AttachmentKind, Direction, FlagStatus, Importance, MessageKind

NAME_MAX_CHARACTERS = 200
PASSWORD_MIN_CHARACTERS = 10
PASSWORD_MAX_CHARACTERS = 256
PAGE_MAX_ITEMS = 200
POSITION_MAX = 2**63 - 1
UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")

Password = Annotated[str, StringConstraints(min_length=PASSWORD_MIN_CHARACTERS, max_length=PASSWORD_MAX_CHARACTERS)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, max_length=NAME_MAX_CHARACTERS)]


class Body(BaseModel):
    """What a client sends: unknown fields are refused, so that a misspelt one is noticed."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)  # a new instance starts sooner

    @field_validator("*", mode="before")
    @classmethod
    def _storable(cls, value: object) -> object:
        """Refuse text that PostgreSQL cannot hold."""
        if isinstance(value, str) and UNSTORABLE.search(value):
            raise ValueError("must not contain U+0000 or unpaired surrogates")
        return value


class Query(Body):
    """A query string; unknown keys are refused, as in a body."""


class Reply(BaseModel):
    """What we answer."""

    model_config = ConfigDict(frozen=True, defer_build=True)


# Users


class SignUp(Body):
    email: EmailStr
    password: Password
    name: Name = ""


class LogIn(Body):
    email: str
    password: Annotated[str, StringConstraints(max_length=PASSWORD_MAX_CHARACTERS)]


class ProfileChange(Body):
    name: Name | None = None


class User(Reply):
    id: UUID
    email: str
    name: str
    created_at: datetime


class Session(Reply):
    """A signed-in user; the refresh token travels in an HttpOnly cookie beside it."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the scheme, as RFC 6750 names it
    expires_in: int  # seconds
    user: User


# Accounts


class AccountState(StrEnum):
    CONNECTING = "connecting"
    SYNCING = "syncing"
    LIVE = "live"
    DELAYED = "delayed"  # connecting, syncing or live, while the provider keeps us waiting until `delayed_until`
    NEEDS_SIGN_IN = "needs_sign_in"
    NEEDS_ADMIN = "needs_admin"
    SUSPENDED = "suspended"
    DISCONNECTED = "disconnected"


class Authorization(Reply):
    """Send the browser to `authorization_url` within ten minutes."""

    authorization_url: str


class Account(Reply):
    id: UUID
    provider: Literal["outlook"]
    address: str
    display_name: str
    state: AccountState
    state_reason: str | None  # an error's code
    delayed_until: datetime | None  # when the provider is asked again
    connected_at: datetime
    changes_checked_at: datetime | None
    changes_unannounced: int  # changes that reconciliation found, and no notification had announced in time
    notifications_until: datetime | None  # the subscription's end; it is renewed long before
    notifications_problem: str | None  # why the provider does not notify us: an error's code


class Accounts(Reply):
    items: list[Account]


class Folder(Reply):
    id: UUID
    account_id: UUID
    parent_id: UUID | None
    display_name: str
    well_known_name: str | None  # Graph's: inbox, sentitems, drafts, deleteditems, junkemail, archive, ...
    message_count: int  # in our database
    unread_count: int
    provider_message_count: int  # as the provider last said


class Folders(Reply):
    items: list[Folder]


class SyncRunState(StrEnum):
    STARTING = "starting"
    RUNNING = "running"
    COMPLETED = "completed"
    INCOMPLETE = "incomplete"
    CANCELLED = "cancelled"


class SyncAccepted(Reply):
    run_id: UUID
    account_id: UUID
    state: SyncRunState


class SyncRetried(Reply):
    pages: int  # how many are tried again


class FolderProgress(Reply):
    folder_id: UUID
    display_name: str
    listed: bool  # the enumeration is complete, so the total is exact
    messages_total: int
    messages_done: int
    messages_per_second: float  # lately, in this folder
    seconds_left: float | None  # null while nothing of it comes


class SyncProgress(Reply):
    """The newest sync run of an account."""

    run_id: UUID
    account_id: UUID
    state: SyncRunState
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    total_is_exact: bool
    messages_total: int
    messages_done: int
    messages_failed: int
    messages_per_second: float | None
    seconds_left: float | None
    folders: list[FolderProgress]


class AuditState(StrEnum):
    RUNNING = "running"
    COMPLETED = "completed"
    STOPPED = "stopped"  # the account stopped working before its end


class AuditOrigin(StrEnum):
    SCHEDULE = "schedule"
    OWNER = "owner"
    OPERATOR = "operator"


class Audit(Reply):
    """
    One comparison of a whole mailbox with what we hold of it: ids, folders, change keys, read and flag state.

    Differences count once each. `recent` are those among them whose change is so new that they were still on their way.
    """

    id: UUID
    account_id: UUID
    state: AuditState
    origin: AuditOrigin
    requested_at: datetime
    finished_at: datetime | None
    compared: int  # messages of the mailbox that were looked at
    missing: int  # in the mailbox, not here
    different: int  # here in another version, folder or state
    extra: int  # here, not in the mailbox
    recent: int
    repaired: int
    requests: int  # to the provider


class AuditQuery(Query):
    cursor: Annotated[str | None, Field(max_length=200)] = None
    limit: Annotated[int, Field(ge=1, le=PAGE_MAX_ITEMS)] = 50


class Audits(Reply):
    items: list[Audit]
    next_cursor: str | None


class AuditKey(Reply):
    """A public key, as RFC 8037 has it."""

    kty: Literal["OKP"] = "OKP"
    crv: Literal["Ed25519"] = "Ed25519"
    use: Literal["sig"] = "sig"
    alg: Literal["EdDSA"] = "EdDSA"
    kid: str
    x: str  # 32 bytes in base64url


class AuditKeys(Reply):
    """A JSON Web Key Set."""

    keys: list[AuditKey]


class FailedPage(Reply):
    id: int
    folder_id: UUID
    messages: int
    attempts: int
    error_code: str | None


class FailedJob(Reply):
    id: UUID
    kind: str
    message_id: UUID | None
    failed_at: datetime


class FailedMessage(Reply):
    id: UUID
    failure: str


class Problems(Reply):
    """What could not be carried over, and why."""

    pages: list[FailedPage]
    jobs: list[FailedJob]
    messages: list[FailedMessage]  # stored in part


# Mail


class Mailbox(Reply):
    """A name and an address, either of which mail in the wild may lack."""

    name: str | None
    address: str | None


class MessageQuery(Query):
    account_id: UUID | None = None
    folder_id: UUID | None = None
    thread_id: UUID | None = None
    unread: bool | None = None
    flagged: bool | None = None
    has_attachments: bool | None = None
    from_: Annotated[str | None, Field(alias="from", max_length=320)] = None  # an address, without case
    after: AwareDatetime | None = None  # received at or after
    before: AwareDatetime | None = None  # received before
    q: Annotated[str | None, Field(max_length=500)] = None  # words; "a phrase"; -not; or
    cursor: Annotated[str | None, Field(max_length=200)] = None
    limit: Annotated[int, Field(ge=1, le=PAGE_MAX_ITEMS)] = 50


class MessageSummary(Reply):
    id: UUID
    account_id: UUID
    folder_id: UUID
    thread_id: UUID
    kind: MessageKind
    subject: str
    preview: str
    from_: Mailbox | None = Field(serialization_alias="from")
    sender: Mailbox | None
    to: list[Mailbox]
    cc: list[Mailbox]
    bcc: list[Mailbox]
    reply_to: list[Mailbox]
    importance: Importance
    categories: list[str]
    flag: FlagStatus
    is_read: bool
    is_draft: bool
    direction: Direction
    received_at: datetime
    sent_at: datetime | None
    has_attachments: bool
    internet_message_id: str | None
    altered: list[str]  # fields in which characters were replaced
    failure: str | None


class MessagePage(Reply):
    """Newest first; `next_cursor` is null on the last page."""

    items: list[MessageSummary]
    next_cursor: str | None


class Attachment(Reply):
    id: UUID
    kind: AttachmentKind
    name: str
    content_type: str | None
    size_bytes: int
    is_inline: bool
    content_id: str | None


class Header(Reply):
    name: str
    value: str


class MessageDetailQuery(Query):
    remote_images: bool = False  # true: leave links to images on other servers in the HTML


class Message(MessageSummary):
    html: str | None  # sanitised; inline images point to cid: links
    text: str
    remote_images_blocked: int  # how many were taken out
    headers: list[Header]
    attachments: list[Attachment]


class Thread(Reply):
    """Oldest first."""

    id: UUID
    items: list[MessageSummary]


# Changes


class ChangeQuery(Query):
    after: Annotated[int | None, Field(ge=0, le=POSITION_MAX)] = None  # None: only say where the log ends
    limit: Annotated[int, Field(ge=1, le=1000)] = 200
    wait_seconds: Annotated[float, Field(ge=0, le=25)] = 0  # answer as soon as there is something


class ChangeKind(StrEnum):
    ACCOUNT_CHANGED = "account.changed"
    ACCOUNT_REMOVED = "account.removed"
    FOLDER_CHANGED = "folder.changed"
    FOLDER_REMOVED = "folder.removed"
    MESSAGE_CREATED = "message.created"
    MESSAGE_UPDATED = "message.updated"
    MESSAGE_DELETED = "message.deleted"
    SYNC_STARTED = "sync.started"
    SYNC_PAGE = "sync.page"  # a page of a first sync arrived: data.messages says how many
    SYNC_COMPLETED = "sync.completed"
    AUDIT_FINISHED = "audit.finished"


class Change(Reply):
    position: int
    kind: ChangeKind
    account_id: UUID
    folder_id: UUID | None
    message_id: UUID | None
    data: dict[str, int | str | None]
    created_at: datetime


class Changes(Reply):
    """In order; ask again with `after` = `position`."""

    items: list[Change]
    position: int  # of the last item, or what was asked for when there is none
    has_more: bool


class PushConnection(Reply):
    """A WebSocket that says when to ask for changes; null when this deployment has none, so poll."""

    url: str | None
    protocol: str | None


class Health(Reply):
    status: Literal["ok"]
    version: str


class Readiness(Reply):
    status: Literal["ready", "not_ready"]
    checks: dict[str, Literal["ok", "failed"]]
