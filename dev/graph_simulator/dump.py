"""The whole of a mailbox as JSON lines, for a comparison that owes nothing to the Graph answers."""

from collections.abc import Iterator
from typing import Any

from dev.graph_simulator.folders import Folder
from dev.graph_simulator.graph_folders import folder_json
from dev.graph_simulator.json_text import from_json, to_json
from dev.graph_simulator.mailbox import Mailbox, Message


def dump_lines(mailbox: Mailbox) -> Iterator[bytes]:
    """Yield a line per folder of the mail tree, then one per message in it, in the order of their numbers."""
    folders = list(mailbox.tree())
    for folder in folders:
        yield to_json({"kind": "folder"} | _folder(mailbox, folder))
    inside = {folder.number for folder in folders}
    for message in list(mailbox.messages.values()):
        # A message may go while the dump is being sent.
        if message.folder in inside and message.number in mailbox.messages:
            yield to_json({"kind": "message"} | _message(mailbox, message))


def folder_path(mailbox: Mailbox, folder: Folder) -> list[str]:
    """Return the display names from below the root down to the folder."""
    root = mailbox.folder("msgfolderroot").number
    names: list[str] = []
    while folder.number not in (root, folder.record.parent):
        names.insert(0, folder.record.display_name)
        folder = mailbox.folders[folder.record.parent]
    return names


def _folder(mailbox: Mailbox, folder: Folder) -> dict[str, Any]:
    return folder_json(mailbox, folder) | {
        "wellKnownName": folder.record.well_known,
        "isSearchFolder": folder.is_search,
        "path": folder_path(mailbox, folder),
    }


def _message(mailbox: Mailbox, message: Message) -> dict[str, Any]:
    store, content = mailbox.store, message.content
    return {
        "immutableId": message.immutable_id,
        "regularId": message.regular_id,
        "changeKey": message.change_key,
        "parentFolderId": mailbox.folders[message.folder].id,
        **message.fields,
        "bodyHtml": from_json(store.body(content, "html")),
        "bodyUnsafeHtml": from_json(store.body(content, "unsafe_html")),
        "bodyText": from_json(store.body(content, "text")),
        "internetMessageHeaders": from_json(store.headers(content)),
        "attachments": [
            {"id": mailbox.ids.attachment(message.immutable_id, position), **properties}
            for position, properties in enumerate(store.attachments(content))
        ],
    }
