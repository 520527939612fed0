"""One user's mailbox: its folders and messages, every change of them, and the log from which delta is answered."""

import bisect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from dev.graph_simulator.clock import Clock, iso
from dev.graph_simulator.composing import Composed
from dev.graph_simulator.folders import MAILBOX_ROOT, SOFT_DELETED, Folder, FolderRecord, LogEntry, folder_from
from dev.graph_simulator.folders import standard_folders as standard
from dev.graph_simulator.identifiers import MailboxIds, canonical
from dev.graph_simulator.store import ChangeRow, MessageRow, Store

ChangeKind = Literal["created", "updated", "deleted"]


@dataclass(slots=True)
class Message:
    """
    A message's state. `generation` counts its moves; `rendered` keeps its JSON per shape until it changes.

    `fields` are message properties as they are served, without the ids and keys that depend on the request.
    """

    number: int
    generation: int
    sequence: int
    folder: int
    content: int
    fields: dict[str, Any]
    regular_id: str
    immutable_id: str
    change_key: str
    rendered: dict[object, bytes] = field(default_factory=dict)

    @property
    def received(self) -> str:
        return str(self.fields["receivedDateTime"])

    @property
    def is_unread(self) -> bool:
        return self.fields.get("isRead") is False


@dataclass(frozen=True, slots=True)
class Change:
    """What listeners hear. `folder` is where it happened; a move is a deletion there and a creation elsewhere."""

    mailbox: "Mailbox"
    kind: ChangeKind
    folder: int
    regular_id: str
    immutable_id: str
    change_key: str


class NotFound(Exception):
    """No folder or message of this id is here."""

    def __init__(self, wanted_id: str) -> None:
        super().__init__(wanted_id)
        self.id = wanted_id


class FolderExists(Exception):
    """The parent has a folder of that name."""


class Mailbox:
    """Changes are written to the store at once; the caller commits."""

    def __init__(self, mailbox_id: UUID, address: str, store: Store, clock: Clock) -> None:
        self.id = str(mailbox_id)
        self.address = address
        self.ids = MailboxIds(mailbox_id)
        self.store = store
        self.folders: dict[int, Folder] = {}
        self.messages: dict[int, Message] = {}
        self.order: list[tuple[str, int]] = []  # as Folder.order, over all folders of the mail tree
        self.sequence = 0
        self.removed_folders: list[tuple[int, str]] = []  # (sequence, folder id)
        self.listeners: list[Callable[[Change], None]] = []
        self._clock = clock
        self._by_id: dict[str, Message] = {}
        self._folder_by_id: dict[str, Folder] = {}
        self._well_known: dict[str, Folder] = {}
        self._purged: dict[str, MessageRow] = {}  # by immutable id
        self._next_number = 1
        self._load()

    # Finding

    def message(self, message_id: str) -> Message:
        """Find by regular or immutable id, in any of its spellings. Raises `NotFound`."""
        found = self._by_id.get(canonical(message_id))
        if found is None:
            raise NotFound(message_id)
        return found

    def folder(self, folder_id: str) -> Folder:
        """Find by id or well-known name. Raises `NotFound`."""
        found = self._well_known.get(folder_id.lower()) or self._folder_by_id.get(canonical(folder_id))
        if found is None:
            raise NotFound(folder_id)
        return found

    def children(self, parent: int) -> list[Folder]:
        found = (one for one in self.folders.values() if one.record.parent == parent and one.number != parent)
        return sorted(found, key=lambda one: one.record.display_name.lower())

    def tree(self, root: int | None = None) -> Iterator[Folder]:
        """Yield the folders below one, hidden ones included, parents first; by default those of the mail tree."""
        start = self.folder("msgfolderroot").number if root is None else root
        for child in self.children(start):
            yield child
            yield from self.tree(child.number)

    def matches_of(self, search_folder: Folder) -> list[tuple[str, int]]:
        wanted = (search_folder.record.search_text or "").lower()
        return [key for key in self.order if wanted in (self.messages[key[1]].fields.get("subject") or "").lower()]

    def is_outside(self, folder: Folder) -> bool:
        return folder.record.parent == MAILBOX_ROOT

    # Messages

    def add(self, mail: Composed, folder: Folder) -> Message:
        return self._insert(self.store.add_content(mail), dict(mail.fields), folder)

    def copy(self, message: Message, folder: Folder) -> Message:
        return self._insert(message.content, dict(message.fields), folder)

    def update(self, message: Message, properties: dict[str, Any]) -> None:
        """Replace properties, and give the message a new change key."""
        folder = self.folders[message.folder]
        folder.unread -= message.is_unread
        if "receivedDateTime" in properties:
            self._take(message)
        message.fields |= properties
        if "receivedDateTime" in properties:
            self._put(message)
        folder.unread += message.is_unread
        self._touch(message)
        self._log(folder, message, "updated")
        self._announce("updated", message, folder)

    def move(self, message: Message, folder: Folder) -> None:
        """Put a message elsewhere: a new regular id, the same immutable one."""
        source = self.folders[message.folder]
        left = self._departure(message)
        self._take(message)
        self._log_removal(source, message.number, message.generation)
        self._by_id.pop(canonical(message.regular_id))
        message.folder = folder.number
        message.generation += 1
        message.regular_id = self.ids.regular(message.number, message.generation)
        self._by_id[canonical(message.regular_id)] = message
        self._put(message)
        self._touch(message)
        self._log(folder, message, "created")
        if source.record.well_known != SOFT_DELETED:
            self._tell(left)
        if folder.record.well_known != SOFT_DELETED:
            self._announce("created", message, folder)

    def delete(self, message: Message) -> None:
        """Delete as a person does: to Deleted Items, and from there out of sight."""
        where = self.folders[message.folder].record.well_known
        self.move(message, self.folder(SOFT_DELETED if where in ("deleteditems", SOFT_DELETED) else "deleteditems"))

    def purge(self, message: Message) -> None:
        """Delete for good."""
        folder = self.folders[message.folder]
        left = self._departure(message)
        self._take(message)
        for known_id in (message.regular_id, message.immutable_id):
            self._by_id.pop(canonical(known_id))
        del self.messages[message.number]
        self.store.remove_message(self.id, message.number)
        self._keep_purged(_row(message))
        self._log_removal(folder, message.number, message.generation)
        self._tell(left)

    def undelete(self, message_id: str, folder: Folder) -> Message:
        """Bring a deleted message back, a purged one by its immutable id, which stays. Raises `NotFound`."""
        row = self._purged.pop(canonical(message_id), None)
        if row is None:
            message = self.message(message_id)
            self.move(message, folder)
            return message
        self.store.remove("purged", f"{self.id}:{row.number}")
        message = self._message(row.number, row.generation + 1, 0, folder.number, row.content, row.fields)
        self._place(message)
        self._touch(message)
        self._log(folder, message, "created")
        self._announce("created", message, folder)
        return message

    # Folders

    def create_folder(self, name: str, parent: Folder, *, is_hidden: bool = False) -> Folder:
        """Make a folder. Raises `FolderExists` when the parent has one of that name."""
        self._refuse_twin(name, parent.number)
        record = FolderRecord(max(self.folders) + 1, name, parent.number, is_hidden=is_hidden)
        # Numbers of deleted folders are not used again: ids are made from them.
        record.number = max(record.number, self._next_folder_number())
        folder = self._adopt(Folder(record, self.ids.folder(record.number)))
        self.store.put("counter", f"folder:{self.id}", record.number + 1)
        self._touch_folder(folder)
        self._touch_folder(parent)
        return folder

    def change_folder(self, folder: Folder, *, name: str | None = None, parent: Folder | None = None) -> None:
        """Rename or move a folder; its id stays. Raises `FolderExists`."""
        before = self.folders[folder.record.parent]
        after = parent or before
        new_name = name or folder.record.display_name
        if (new_name, after.number) != (folder.record.display_name, before.number):
            self._refuse_twin(new_name, after.number, besides=folder.number)
        folder.record.display_name, folder.record.parent = new_name, after.number
        for touched in {one.number: one for one in (folder, before, after)}.values():
            self._touch_folder(touched)

    def delete_folder(self, folder: Folder) -> None:
        """Remove a folder with all that is in and below it, for good."""
        for child in self.children(folder.number):
            self.delete_folder(child)
        for _, number in list(folder.order):
            self.purge(self.messages[number])
        parent = self.folders[folder.record.parent]
        del self.folders[folder.number]
        del self._folder_by_id[canonical(folder.id)]
        self.store.remove("folder", f"{self.id}:{folder.number:06}")
        self.sequence += 1
        self.removed_folders.append((self.sequence, folder.id))
        self.store.put("removed-folder", f"{self.id}:{self.sequence:012}", [self.id, self.sequence, folder.id])
        self._touch_folder(parent)

    def save_folder(self, folder: Folder) -> None:
        self.store.put("folder", f"{self.id}:{folder.number:06}", {"mailbox": self.id} | folder.as_document())

    # Inside

    def _load(self) -> None:
        documents = [one for one in self.store.all("folder") if one.pop("mailbox") == self.id]
        if not documents:
            for record in standard():
                self.save_folder(self._adopt(Folder(record, self.ids.folder(record.number))))
            return
        for document in documents:
            self._adopt(folder_from(document, self.ids.folder(document["number"])))
        for row in self.store.messages(self.id):
            self._place(self._message(row.number, row.generation, row.sequence, row.folder, row.content, row.fields))
        for kept in self.store.all("purged"):
            if kept.pop("mailbox") == self.id:
                row = MessageRow(**kept)
                self._purged[canonical(self.ids.immutable(row.number))] = row
        self._next_number = int(self.store.get("counter", f"message:{self.id}") or 1)
        for change in self.store.changes(self.id):
            self.sequence = max(self.sequence, change.sequence)
            if folder := self.folders.get(change.folder):
                folder.log.append(LogEntry(change.sequence, *change[2:]))
        self.removed_folders = [(one[1], one[2]) for one in self.store.all("removed-folder") if one[0] == self.id]
        folder_sequences = [folder.record.changed for folder in self.folders.values()]
        self.sequence = max([self.sequence, *folder_sequences, *(one for one, _ in self.removed_folders)])

    def _adopt(self, folder: Folder) -> Folder:
        self.folders[folder.number] = folder
        self._folder_by_id[canonical(folder.id)] = folder
        if folder.record.well_known:
            self._well_known[folder.record.well_known] = folder
        return folder

    def _message(
        self, number: int, generation: int, sequence: int, folder: int, content: int, fields: dict[str, Any]
    ) -> Message:
        return Message(
            number=number,
            generation=generation,
            sequence=sequence,
            folder=folder,
            content=content,
            fields=fields,
            regular_id=self.ids.regular(number, generation),
            immutable_id=self.ids.immutable(number),
            change_key=self.ids.change_key(sequence),
        )

    def _insert(self, content: int, fields: dict[str, Any], folder: Folder) -> Message:
        message = self._message(self._next_number, 0, 0, folder.number, content, fields)
        self._next_number += 1
        self.store.put("counter", f"message:{self.id}", self._next_number)
        self._place(message)
        self._touch(message, is_new=True)
        self._log(folder, message, "created")
        self._announce("created", message, folder)
        return message

    def _place(self, message: Message) -> None:
        self.messages[message.number] = message
        self._by_id[canonical(message.regular_id)] = message
        self._by_id[canonical(message.immutable_id)] = message
        self._put(message)

    def _put(self, message: Message) -> None:
        folder = self.folders[message.folder]
        folder.put(message.received, message.number)
        folder.unread += message.is_unread
        if not self.is_outside(folder):
            key = (message.received, message.number)
            if not self.order or key > self.order[-1]:
                self.order.append(key)
            else:
                bisect.insort(self.order, key)

    def _take(self, message: Message) -> None:
        folder = self.folders[message.folder]
        folder.take(message.received, message.number)
        folder.unread -= message.is_unread
        if not self.is_outside(folder):
            del self.order[bisect.bisect_left(self.order, (message.received, message.number))]

    def _touch(self, message: Message, *, is_new: bool = False) -> None:
        self.sequence += 1
        message.sequence = self.sequence
        message.change_key = self.ids.change_key(self.sequence)
        message.rendered.clear()
        if not is_new:
            message.fields["lastModifiedDateTime"] = iso(self._clock.now())
        self.store.put_message(self.id, _row(message))

    def _keep_purged(self, row: MessageRow) -> None:
        self._purged[canonical(self.ids.immutable(row.number))] = row
        self.store.put("purged", f"{self.id}:{row.number}", {"mailbox": self.id} | row._asdict())

    def _log(self, folder: Folder, message: Message, kind: str) -> None:
        self._append(folder, LogEntry(message.sequence, message.number, message.generation, kind, self._seconds()))

    def _log_removal(self, folder: Folder, number: int, generation: int) -> None:
        self.sequence += 1
        self._append(folder, LogEntry(self.sequence, number, generation, "removed", self._seconds()))

    def _append(self, folder: Folder, entry: LogEntry) -> None:
        folder.log.append(entry)
        self.store.add_changes(self.id, [ChangeRow(entry.sequence, folder.number, *entry[1:])])
        self._touch_folder(folder)

    def _seconds(self) -> float:
        return self._clock.now().timestamp()

    def _touch_folder(self, folder: Folder) -> None:
        self.sequence += 1
        folder.record.changed = self.sequence
        self.save_folder(folder)

    def _next_folder_number(self) -> int:
        return int(self.store.get("counter", f"folder:{self.id}") or 0)

    def _refuse_twin(self, name: str, parent: int, besides: int | None = None) -> None:
        for sibling in self.children(parent):
            if sibling.record.display_name.lower() == name.lower() and sibling.number != besides:
                raise FolderExists(name)

    def _departure(self, message: Message) -> Change:
        return Change(self, "deleted", message.folder, message.regular_id, message.immutable_id, message.change_key)

    def _announce(self, kind: ChangeKind, message: Message, folder: Folder) -> None:
        self._tell(Change(self, kind, folder.number, message.regular_id, message.immutable_id, message.change_key))

    def _tell(self, change: Change) -> None:
        for listener in self.listeners:
            listener(change)


def _row(message: Message) -> MessageRow:
    return MessageRow(
        message.number, message.generation, message.sequence, message.folder, message.content, message.fields
    )
