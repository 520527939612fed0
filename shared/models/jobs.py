"""Jobs: what queue messages say. They carry ids, never mail, addresses or tokens, but as ciphertext."""

from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter


class Job(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    traceparent: Annotated[str | None, Field(max_length=64)] = None
    """The span that sent it, as W3C Trace Context writes it; the queue adds it."""
    noticed_at: AwareDatetime | None = None
    """When the provider's notice of it came, on its way through every retry; the queue adds it to live jobs."""
    failures: int = 0
    """Attempts in a row that an outage ended; they grow apart."""


class StartSync(Job):
    """Read the folder tree of a run's account and set its lanes going."""

    kind: Literal["start_sync.v1"] = "start_sync.v1"
    account_id: UUID
    run_id: UUID


class SyncLane(Job):
    """List folders and fetch pages of a run for one turn, in one of its lanes, if one is free."""

    kind: Literal["sync_lane.v1"] = "sync_lane.v1"
    account_id: UUID
    run_id: UUID


class FetchMessage(Job):
    """Bring one message up to date after a notification."""

    kind: Literal["fetch_message.v1"] = "fetch_message.v1"
    account_id: UUID
    provider_message_id: Annotated[str, Field(min_length=1, max_length=1024)]
    change: Literal["created", "updated", "deleted"]
    change_key: Annotated[str | None, Field(max_length=512)] = None
    attempt: int = 1


class ApplyNotification(Job):
    """Apply what a notification brought of one message's change, still encrypted, or fetch the message."""

    kind: Literal["apply_notification.v1"] = "apply_notification.v1"
    account_id: UUID
    provider_message_id: Annotated[str, Field(min_length=1, max_length=1024)]
    change_key: Annotated[str | None, Field(max_length=512)] = None
    certificate_id: Annotated[str, Field(max_length=128)]
    data: Annotated[str, Field(max_length=40_000)]  # a queue message has room for 48 KiB
    data_key: Annotated[str, Field(max_length=1024)]
    data_signature: Annotated[str, Field(max_length=128)]


LiveJob = FetchMessage | ApplyNotification
"""What notifications ask for, message by message: a moment's work each."""


class SyncChanges(Job):
    """Follow delta through an account's folders for one turn: those that are due, or all of them."""

    kind: Literal["sync_changes.v1"] = "sync_changes.v1"
    account_id: UUID
    is_thorough: bool = False  # notifications may have been lost


class EnsureSubscription(Job):
    """Create an account's subscription, or renew it when half of its life is over, or now if `renew_now`."""

    kind: Literal["ensure_subscription.v1"] = "ensure_subscription.v1"
    account_id: UUID
    renew_now: bool = False


class IndexMessages(Job):
    """Write the search vectors that an account's new messages still lack."""

    kind: Literal["index_messages.v1"] = "index_messages.v1"
    account_id: UUID


class AuditMailbox(Job):
    """Compare a mailbox with its rows for one turn of an audit."""

    kind: Literal["audit_mailbox.v1"] = "audit_mailbox.v1"
    account_id: UUID
    audit_id: UUID


class ReviveAccount(Job):
    """Look whether the mailbox of a stopped account is open again, and set it going."""

    kind: Literal["revive_account.v1"] = "revive_account.v1"
    account_id: UUID


class ResealTokens(Job):
    """Encrypt an account's tokens with the newest key."""

    kind: Literal["reseal_tokens.v1"] = "reseal_tokens.v1"
    account_id: UUID


class RemoveAccount(Job):
    """End a disconnected account's subscription and remove its rows."""

    kind: Literal["remove_account.v1"] = "remove_account.v1"
    account_id: UUID


AnyJob = Annotated[
    StartSync
    | SyncLane
    | FetchMessage
    | ApplyNotification
    | SyncChanges
    | EnsureSubscription
    | IndexMessages
    | AuditMailbox
    | ReviveAccount
    | ResealTokens
    | RemoveAccount,
    Field(discriminator="kind"),
]


class JobBatch(BaseModel):
    """Live jobs that were sent together, in one queue message. Each runs, and fails, for itself."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    kind: Literal["jobs.v1"] = "jobs.v1"
    jobs: Annotated[tuple[Annotated[LiveJob, Field(discriminator="kind")], ...], Field(min_length=1)]


_DEFERRED: Final = ConfigDict(defer_build=True)
ANY_JOB: Final[TypeAdapter[AnyJob]] = TypeAdapter(AnyJob, config=_DEFERRED)
QUEUE_MESSAGE: Final[TypeAdapter[AnyJob | JobBatch]] = TypeAdapter(
    Annotated[AnyJob | JobBatch, Field(discriminator="kind")], config=_DEFERRED
)
