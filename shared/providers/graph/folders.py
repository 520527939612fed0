"""The folder tree of a mailbox."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any, Final, TypeVar

from shared.errors import MailboxUnavailable, ProviderItemNotFound, ProviderUnavailable
from shared.models.mail import ProviderFolder
from shared.providers.graph.addresses import segment_from, with_query
from shared.providers.graph.batch import found_in, get_together
from shared.providers.graph.client import GraphClient, items_of
from shared.providers.graph.mapping import folder_from, is_mirrored

WELL_KNOWN_NAMES: Final = (
    "inbox",
    "drafts",
    "sentitems",
    "deleteditems",
    "junkemail",
    "archive",
    "outbox",
    "clutter",
    "conversationhistory",
    "scheduled",
    "syncissues",
)
URGENT_NAMES: Final = ("inbox", "sentitems", "drafts")  # with the top of the tree four requests
CHILDREN_AT_ONCE: Final = 3
_PAGE: Final = {"$top": "100"}
_Given = TypeVar("_Given")


async def list_folders(client: GraphClient, *, in_haste: bool) -> Sequence[ProviderFolder]:
    """
    Walk the tree, parents first. Hidden and search folders are left out, with what is below them.

    What does not depend on another answer is asked for together. In haste only urgent names are asked for, each alone:
    the parts of a batch are answered one after the other.
    """
    top, names = await asyncio.gather(
        _top(client), _urgent_names(client) if in_haste else well_known_names(client), return_exceptions=True
    )
    if isinstance(top, BaseException):
        raise top
    if isinstance(names, BaseException):
        raise names
    found: dict[str, ProviderFolder] = {}
    level: list[tuple[str | None, dict[str, Any]]] = [(None, item) for item in top]
    while level:
        parents: list[str] = []
        for parent_id, item in level:
            folder_id = item.get("id")
            if not isinstance(folder_id, str) or folder_id in found or not is_mirrored(item):
                continue
            found[folder_id] = folder_from(item, parent_id, names.get(folder_id))
            if item.get("childFolderCount"):
                parents.append(folder_id)
        level = []
        for at in range(0, len(parents), CHILDREN_AT_ONCE):
            asked = parents[at : at + CHILDREN_AT_ONCE]
            children = await _together(*(_children(client, folder_id) for folder_id in asked))
            level += [(folder_id, child) for folder_id, items in zip(asked, children, strict=True) for child in items]
    return list(found.values())


async def _together(*questions: Awaitable[_Given]) -> list[_Given]:
    """Wait for all, so that none is left on its way; then raise the first error, if there was one."""
    outcomes = await asyncio.gather(*questions, return_exceptions=True)
    given: list[_Given] = []
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
        given.append(outcome)
    return given


async def _top(client: GraphClient) -> list[dict[str, Any]]:
    try:
        return await _items(client, "me/mailFolders")
    except ProviderItemNotFound as exc:
        raise MailboxUnavailable(str(exc)) from exc


async def _children(client: GraphClient, folder_id: str) -> list[dict[str, Any]]:
    try:
        return await _items(client, f"me/mailFolders/{segment_from(folder_id)}/childFolders")
    except ProviderItemNotFound:  # removed since its parent was read
        return []


async def _items(client: GraphClient, path: str) -> list[dict[str, Any]]:
    target: str | None = with_query(path, _PAGE)
    items: list[dict[str, Any]] = []
    while target:
        page = (await client.get(target)).document
        items += items_of(page)
        target = page.get("@odata.nextLink")
    return items


async def _urgent_names(client: GraphClient) -> dict[str, str]:
    ids = await _together(*(_id_of(client, name) for name in URGENT_NAMES))
    return {folder_id: name for folder_id, name in zip(ids, URGENT_NAMES, strict=True) if folder_id}


async def _id_of(client: GraphClient, name: str) -> str | None:
    try:
        document = (await client.get(f"me/mailFolders/{name}?$select=id")).document
    except ProviderItemNotFound:
        return None
    return str(document.get("id"))


async def well_known_names(client: GraphClient) -> dict[str, str]:
    """Return which folders have well-known names, by id; no listing says so."""
    paths = {f"me/mailFolders/{name}?$select=id": name for name in WELL_KNOWN_NAMES}
    _, parts = await get_together(client, list(paths))
    if len(parts) < len(paths):
        raise ProviderUnavailable(f"{len(paths) - len(parts)} names of folders were left unanswered")
    found = {paths[path]: found_in(part) for path, part in parts.items()}
    return {str(document.get("id")): name for name, document in found.items() if document is not None}
