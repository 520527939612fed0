"""The storage queues, what goes into which, and how full they are."""

from dataclasses import dataclass
from typing import Final

from shared.models.jobs import (
    AnyJob,
    ApplyNotification,
    AuditMailbox,
    EnsureSubscription,
    FetchMessage,
    IndexMessages,
    RemoveAccount,
    ResealTokens,
    ReviveAccount,
    StartSync,
    SyncChanges,
    SyncLane,
)

LIVE_QUEUE: Final = "mail-live"
SYNC_QUEUE: Final = "mail-sync"
CHANGES_QUEUE: Final = "mail-changes"
UPKEEP_QUEUE: Final = "mail-upkeep"
QUEUES: Final = (LIVE_QUEUE, SYNC_QUEUE, CHANGES_QUEUE, UPKEEP_QUEUE)

QUEUE_BY_JOB: Final[dict[type, str]] = {
    FetchMessage: LIVE_QUEUE,
    ApplyNotification: LIVE_QUEUE,
    StartSync: SYNC_QUEUE,
    SyncLane: SYNC_QUEUE,
    SyncChanges: CHANGES_QUEUE,
    EnsureSubscription: UPKEEP_QUEUE,
    IndexMessages: UPKEEP_QUEUE,
    AuditMailbox: UPKEEP_QUEUE,
    ReviveAccount: UPKEEP_QUEUE,
    ResealTokens: UPKEEP_QUEUE,
    RemoveAccount: UPKEEP_QUEUE,
}


@dataclass(frozen=True, slots=True)
class Later:
    """A job to send, invisible to its trigger for `delay_seconds`."""

    job: AnyJob
    delay_seconds: float = 0
    reason: str | None = None  # the code of the error that made it one for later


@dataclass(frozen=True, slots=True)
class QueueFigures:
    queue: str
    messages: int  # those for later included
    waiting: int  # that could run now, up to 32
    oldest_seconds: float  # since the first of them was sent
