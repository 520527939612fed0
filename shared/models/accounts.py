"""Connected mailboxes, as the sync engine and the use cases see them."""

from datetime import datetime
from enum import Enum, auto
from uuid import UUID

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from shared.models.api import AccountState, SyncRunState


class Urgency(Enum):
    """Whose request to a provider goes first."""

    USER = auto()  # a person waits for it
    LIVE = auto()  # mail that just arrived, and what keeps the mirror right
    BACKFILL = auto()


@dataclass(frozen=True, slots=True, config=ConfigDict(defer_build=True))
class ConnectedAccount:
    """A mailbox that a user connected."""

    id: UUID
    user_id: UUID
    address: str
    state: AccountState
    is_delayed: bool = False  # its owner was told that the provider keeps us waiting


@dataclass(frozen=True, slots=True, config=ConfigDict(defer_build=True))
class SyncFolder:
    """A folder and how far its listing went."""

    id: UUID
    provider_folder_id: str
    well_known_name: str | None
    cursor: str | None  # None: the next page of changes is the first of an enumeration
    listing_round: int


@dataclass(frozen=True, slots=True, config=ConfigDict(defer_build=True))
class SyncRun:
    id: UUID
    account_id: UUID
    state: SyncRunState


@dataclass(frozen=True, slots=True, config=ConfigDict(defer_build=True))
class SyncPage:
    """A page of a run, taken by a lane."""

    id: int
    folder_id: UUID
    provider_folder_id: str | None  # None: the folder is gone
    received_from: datetime | None  # None: by id
    received_before: datetime | None
    provider_message_ids: list[str]
    received_times: list[datetime] | None  # of each of them; None: by id
    attempts: int
    most_messages: int | None  # what went through since a page of the run was too large; None: none was


@dataclass(frozen=True, slots=True, config=ConfigDict(defer_build=True))
class Subscription:
    provider_subscription_id: str
    expires_at: datetime
    terms: str  # digest of what was asked for
    is_due: bool  # to be renewed
