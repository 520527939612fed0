"""Folders: what one holds, which ones every mailbox has, and their JSON."""

import bisect
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

MAILBOX_ROOT = 0
SOFT_DELETED = "recoverableitemsdeletions"


class LogEntry(NamedTuple):
    """One change of a folder's content; `kind` is created, updated or removed, `at` seconds since 1970."""

    sequence: int
    number: int
    generation: int
    kind: str
    at: float


@dataclass(slots=True)
class FolderRecord:
    """
    What of a folder outlives the process.

    `state_generation` grows when the folder's delta tokens are declared dead; `expiry` then tells the answer's code.
    """

    number: int
    display_name: str
    parent: int
    well_known: str | None = None
    is_hidden: bool = False
    search_text: str | None = None
    changed: int = 0
    state_generation: int = 0
    expiry: str = "SyncStateNotFound"


@dataclass(slots=True)
class Folder:
    record: FolderRecord
    id: str
    order: list[tuple[str, int]] = field(default_factory=list)  # (receivedDateTime, message number), ascending
    log: list[LogEntry] = field(default_factory=list)
    unread: int = 0

    @property
    def number(self) -> int:
        return self.record.number

    @property
    def is_search(self) -> bool:
        return self.record.search_text is not None

    def put(self, received: str, number: int) -> None:
        key = (received, number)
        if not self.order or key > self.order[-1]:
            self.order.append(key)
        else:
            bisect.insort(self.order, key)

    def take(self, received: str, number: int) -> None:
        del self.order[bisect.bisect_left(self.order, (received, number))]

    def as_document(self) -> dict[str, Any]:
        # asdict() copies deeply, which is slow for something that is done at every change.
        return {name: getattr(self.record, name) for name in FolderRecord.__slots__}


class _Standard(NamedTuple):
    well_known: str | None
    display_name: str
    parent: str | None
    is_hidden: bool = False
    search_text: str | None = None


# In the order of their numbers. The first is the mailbox itself; what hangs on it directly is outside the mail tree.
_STANDARD = (
    _Standard(None, "Root", None),
    _Standard("msgfolderroot", "Top of Information Store", None),
    _Standard("archive", "Archive", "msgfolderroot"),
    _Standard("conversationhistory", "Conversation History", "msgfolderroot"),
    _Standard("deleteditems", "Deleted Items", "msgfolderroot"),
    _Standard("drafts", "Drafts", "msgfolderroot"),
    _Standard("inbox", "Inbox", "msgfolderroot"),
    _Standard("junkemail", "Junk Email", "msgfolderroot"),
    _Standard("outbox", "Outbox", "msgfolderroot"),
    _Standard("sentitems", "Sent Items", "msgfolderroot"),
    _Standard("syncissues", "Sync Issues", "msgfolderroot", is_hidden=True),
    _Standard("conflicts", "Conflicts", "syncissues", is_hidden=True),
    _Standard("localfailures", "Local Failures", "syncissues", is_hidden=True),
    _Standard("serverfailures", "Server Failures", "syncissues", is_hidden=True),
    _Standard("clutter", "Clutter", "msgfolderroot", is_hidden=True),
    _Standard("scheduled", "Scheduled", "msgfolderroot", is_hidden=True),
    _Standard("searchfolders", "Finder", None),
    _Standard(SOFT_DELETED, "Deletions", None, is_hidden=True),
    _Standard(None, "Weekly digests", "msgfolderroot", search_text="weekly digest"),
    _Standard(None, "Team Chat", "conversationhistory", is_hidden=True),
)

WELL_KNOWN_NAMES = frozenset(one.well_known for one in _STANDARD if one.well_known)


def standard_folders() -> Iterator[FolderRecord]:
    numbers = {one.well_known: number for number, one in enumerate(_STANDARD) if one.well_known}
    for number, one in enumerate(_STANDARD):
        parent = numbers[one.parent] if one.parent else MAILBOX_ROOT
        yield FolderRecord(number, one.display_name, parent, one.well_known, one.is_hidden, one.search_text)


def folder_from(document: dict[str, Any], folder_id: str) -> Folder:
    return Folder(FolderRecord(**document), folder_id)
