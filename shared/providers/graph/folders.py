"""The folder tree of a mailbox."""

from collections.abc import Sequence
from typing import Any, Final

from shared.errors import MailboxUnavailable, ProviderItemNotFound
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
_PAGE: Final = {"$top": "100"}


async def list_folders(client: GraphClient) -> Sequence[ProviderFolder]:
    """Walk the tree, parents first. Hidden and search folders are left out, with what is below them."""
    names = await _well_known_names(client)
    try:
        top = await _items(client, "me/mailFolders")
    except ProviderItemNotFound as exc:
        raise MailboxUnavailable(str(exc)) from exc
    found: dict[str, ProviderFolder] = {}
    waiting: list[tuple[str | None, dict[str, Any]]] = [(None, item) for item in top]
    while waiting:
        parent_id, item = waiting.pop(0)
        folder_id = item.get("id")
        if not isinstance(folder_id, str) or folder_id in found or not is_mirrored(item):
            continue
        found[folder_id] = folder_from(item, parent_id, names.get(folder_id))
        if item.get("childFolderCount"):
            waiting += [(folder_id, child) for child in await _children(client, folder_id)]
    return list(found.values())


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


async def _well_known_names(client: GraphClient) -> dict[str, str]:
    """Return the names of the folders that have one, by id; which name is which folder no listing says."""
    paths = {f"me/mailFolders/{name}?$select=id": name for name in WELL_KNOWN_NAMES}
    _, parts = await get_together(client, list(paths))
    found = {paths[path]: found_in(part) for path, part in parts.items()}
    return {str(document.get("id")): name for name, document in found.items() if document is not None}
