"""What operators ask and are told: ids of ours, states, codes, times and counts. Never mail, addresses or tokens."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from shared.models.api import AccountState, Audit, Query, Reply, SyncRunState

PAGE_MAX: int = 200


class AccountProblem(StrEnum):
    """What is wrong with an account, as far as operators can tell from outside."""

    NEEDS_SIGN_IN = "needs_sign_in"
    NEEDS_ADMIN = "needs_admin"
    SUSPENDED = "suspended"
    DELAYED = "delayed"  # the provider keeps us waiting
    NO_SUBSCRIPTION = "no_subscription"  # live, and not notified of changes
    BEHIND = "behind"  # live, and delta has not been through it for long
    STALLED = "stalled"  # a sync run that nothing moves
    FAILED_PAGES = "failed_pages"
    FAILED_JOBS = "failed_jobs"


class TroubleQuery(Query):
    problem: AccountProblem | None = None
    cursor: UUID | None = None
    limit: Annotated[int, Field(ge=1, le=PAGE_MAX)] = 50


class AccountHealth(Reply):
    account_id: UUID
    provider: str
    state: AccountState
    state_reason: str | None  # an error's code
    delayed_until: datetime | None
    delay_reason: str | None
    connected_at: datetime
    changes_checked_at: datetime | None
    changes_unannounced: int
    notifications_until: datetime | None
    notifications_problem: str | None
    run_id: UUID | None  # of the newest sync run, as the next three
    run_state: SyncRunState | None
    run_requested_at: datetime | None
    run_moved_at: datetime | None  # when an unfinished run last came further
    failed_pages: int
    failed_jobs: int
    problems: list[AccountProblem]


class AccountsInTrouble(Reply):
    items: list[AccountHealth]
    next_cursor: UUID | None


class Run(Reply):
    id: UUID
    state: SyncRunState
    requested_at: datetime
    started_at: datetime | None
    listed_at: datetime | None
    finished_at: datetime | None
    pages: int
    pages_done: int
    pages_failed: int


class AccountDetail(Reply):
    health: AccountHealth
    runs: list[Run]  # the newest five
    audits: list[Audit]  # the newest five


class FailedJobQuery(Query):
    cursor: str | None = Field(default=None, max_length=100)
    limit: Annotated[int, Field(ge=1, le=PAGE_MAX)] = 50


class FailedMessage(Reply):
    """A queue message that failed on each of its deliveries."""

    id: UUID
    account_id: UUID | None  # null: nobody understood it
    queue: str
    kind: str | None  # null, too
    failed_at: datetime


class FailedMessages(Reply):
    items: list[FailedMessage]
    next_cursor: str | None


class FailedMessageDetail(FailedMessage):
    job: dict[str, Any]  # without the provider's ids; {"text"} or {"base64"} where nobody understood it


class QueueFigures(Reply):
    queue: str
    messages: int  # those for later included
    waiting: int  # that could run now, up to 32
    oldest_seconds: float  # how long the first of them has been there


class Overview(Reply):
    accounts: dict[AccountState, int]
    problems: dict[AccountProblem, int]
    queues: list[QueueFigures]
    token_keys: dict[str, int]  # accounts, by the id of the key that encrypts their tokens


class DifferenceQuery(Query):
    limit: Annotated[int, Field(ge=1, le=PAGE_MAX)] = 50


class AuditsWithDifferences(Reply):
    """Audits that found more than what was on its way, newest first."""

    items: list[Audit]


class Asked(Reply):
    """A job is on its way."""

    account_id: UUID
    job: str
