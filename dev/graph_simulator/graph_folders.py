"""Folders: what each request to them does, and the delta of the folder tree."""

from typing import Any

from dev.graph_simulator.calls import Call, Reply, applied, json_reply, page_size_from
from dev.graph_simulator.delta import DEFAULT_PAGE, MAXIMUM_PAGE, bad_token, sealed, unsealed
from dev.graph_simulator.errors import ServiceError, bad_request, not_covered
from dev.graph_simulator.folders import MAILBOX_ROOT, Folder
from dev.graph_simulator.mailbox import FolderExists, Mailbox
from dev.graph_simulator.queries import boolean_from, number_from, options_from, query_string, select_from
from dev.graph_simulator.simulator import Simulator

_PROPERTIES = (
    "id",
    "displayName",
    "parentFolderId",
    "childFolderCount",
    "unreadItemCount",
    "totalItemCount",
    "isHidden",
)
_LIST_OPTIONS = ("$top", "$skip", "$select", "$count", "includeHiddenFolders")
_DELTA_OPTIONS = ("$select", "$skiptoken", "$deltatoken", "includeHiddenFolders")


def list_top(_: Simulator, call: Call) -> Reply:
    return _list(call, call.mailbox.folder("msgfolderroot"))


def list_children(_: Simulator, call: Call) -> Reply:
    return _list(call, call.mailbox.folder(call.parameters["folder"]))


def get_one(_: Simulator, call: Call) -> Reply:
    options = options_from(call.query, ("$select",))
    return _folder_reply(call, call.mailbox.folder(call.parameters["folder"]), options)


def create_top(_: Simulator, call: Call) -> Reply:
    return _create(call, call.mailbox.folder("msgfolderroot"))


def create_child(_: Simulator, call: Call) -> Reply:
    return _create(call, call.mailbox.folder(call.parameters["folder"]))


def patch_one(_: Simulator, call: Call) -> Reply:
    folder = call.mailbox.folder(call.parameters["folder"])
    properties = call.json()
    if set(properties) != {"displayName"}:
        raise not_covered(f"changing {sorted(properties)} of a folder")
    change_folder(call.mailbox, folder, name=_name(properties))
    return _folder_reply(call, folder, {})


def move_one(_: Simulator, call: Call) -> Reply:
    folder = call.mailbox.folder(call.parameters["folder"])
    change_folder(call.mailbox, folder, parent=call.mailbox.folder(str(call.json().get("destinationId"))))
    return _folder_reply(call, folder, {}, 201)


def delete_one(_: Simulator, call: Call) -> Reply:
    delete_folder(call.mailbox, call.mailbox.folder(call.parameters["folder"]))
    return Reply(204)


def tree_delta(simulator: Simulator, call: Call) -> Reply:
    """Answer one page of the changes of the folder tree; counts of messages are changes too."""
    options = options_from(call.query, _DELTA_OPTIONS)
    token = options.pop("$skiptoken", None) or options.pop("$deltatoken", None)
    options.pop("$deltatoken", None)
    state = unsealed(token, simulator.token_key) if token else {"since": -1, "options": options}
    if not isinstance(state, dict) or "folder" in state:
        raise bad_token()
    items = _tree_changes(call.mailbox, state)
    size = page_size_from(call.headers, DEFAULT_PAGE, MAXIMUM_PAGE)
    page = items[:size]
    has_more = len(items) > size
    since = page[-1][0] if has_more else max(state["since"], call.mailbox.sequence)
    sealed_token = sealed({"since": since, "options": state["options"]}, simulator.token_key)
    name, option = ("@odata.nextLink", "$skiptoken") if has_more else ("@odata.deltaLink", "$deltatoken")
    context = call.context(f"users('{call.session.user.id}')/mailFolders")
    link = call.link(f"{option}={sealed_token}")
    reply = json_reply({"@odata.context": context, name: link, "value": [value for _, value in page]})
    reply.headers = applied(call.headers)
    return reply


def create_folder(mailbox: Mailbox, name: str, parent: Folder, *, is_hidden: bool = False) -> Folder:
    """Make a folder. Raises a 409 for a name that the parent has already."""
    try:
        return mailbox.create_folder(name, parent, is_hidden=is_hidden)
    except FolderExists as exc:
        raise _folder_exists() from exc


def change_folder(mailbox: Mailbox, folder: Folder, *, name: str | None = None, parent: Folder | None = None) -> None:
    """Rename or move. Raises a 409 for a name that the parent has already, a 400 for a move into itself."""
    if parent and parent.number in (folder.number, *(one.number for one in mailbox.tree(folder.number))):
        raise bad_request("The folder cannot be moved into itself.")
    try:
        mailbox.change_folder(folder, name=name, parent=parent)
    except FolderExists as exc:
        raise _folder_exists() from exc


def delete_folder(mailbox: Mailbox, folder: Folder) -> None:
    """Move a folder to Deleted Items, or remove it for good when it is there already."""
    if folder.record.well_known:
        raise ServiceError(400, "ErrorDeleteDistinguishedFolder", "Distinguished folders cannot be deleted.")
    trash = mailbox.folder("deleteditems")
    if folder.number in (one.number for one in mailbox.tree(trash.number)):
        mailbox.delete_folder(folder)
        return
    taken = {one.record.display_name.lower() for one in mailbox.children(trash.number)}
    name = folder.record.display_name
    copies = 1
    while name.lower() in taken:
        name, copies = f"{folder.record.display_name}{copies}", copies + 1
    mailbox.change_folder(folder, name=name, parent=trash)


def folder_json(mailbox: Mailbox, folder: Folder, select: tuple[str, ...] | None = None) -> dict[str, Any]:
    matches = [mailbox.messages[number] for _, number in mailbox.matches_of(folder)] if folder.is_search else None
    properties: dict[str, Any] = {
        "id": folder.id,
        "displayName": folder.record.display_name,
        "parentFolderId": mailbox.folders[folder.record.parent].id,
        "childFolderCount": len(mailbox.children(folder.number)),
        "unreadItemCount": folder.unread if matches is None else sum(one.is_unread for one in matches),
        "totalItemCount": len(folder.order) if matches is None else len(matches),
        "isHidden": folder.record.is_hidden,
    }
    if select is not None:
        properties = {name: properties[name] for name in ("id", *select)}
    if folder.is_search:
        query = f"contains(subject, '{folder.record.search_text}')"
        properties = {"@odata.type": "#microsoft.graph.mailSearchFolder"} | properties
        properties |= {"isSupported": True, "filterQuery": query} if select is None else {}
    return properties


def _list(call: Call, parent: Folder) -> Reply:
    options = options_from(call.query, _LIST_OPTIONS)
    select = select_from(options.get("$select"), _PROPERTIES, "mailFolder")
    top = number_from(options, "$top", 10, 1, 1000)
    skip = number_from(options, "$skip", 0, 0, 2**31)
    shows_hidden = boolean_from(options, "includeHiddenFolders")
    found = [one for one in call.mailbox.children(parent.number) if shows_hidden or not one.record.is_hidden]
    context = call.context(f"users('{call.session.user.id}')/mailFolders")
    answer: dict[str, Any] = {"@odata.context": context}
    if boolean_from(options, "$count"):
        answer["@odata.count"] = len(found)
    answer["value"] = [folder_json(call.mailbox, one, select) for one in found[skip : skip + top]]
    if skip + top < len(found):
        answer["@odata.nextLink"] = call.link(query_string(options | {"$skip": str(skip + top)}))
    return json_reply(answer)


def _folder_reply(call: Call, folder: Folder, options: dict[str, str], status: int = 200) -> Reply:
    select = select_from(options.get("$select"), _PROPERTIES, "mailFolder")
    context = call.context(f"users('{call.session.user.id}')/mailFolders/$entity")
    return json_reply({"@odata.context": context} | folder_json(call.mailbox, folder, select), status)


def _create(call: Call, parent: Folder) -> Reply:
    properties = call.json()
    if set(properties) - {"displayName", "isHidden"}:
        raise not_covered(f"creating a folder with {sorted(properties)}")
    is_hidden = bool(properties.get("isHidden"))
    folder = create_folder(call.mailbox, _name(properties), parent, is_hidden=is_hidden)
    return _folder_reply(call, folder, {}, 201)


def _name(properties: dict[str, Any]) -> str:
    name = properties.get("displayName")
    if not isinstance(name, str) or not name.strip():
        raise bad_request("The property 'displayName' is required.")
    return name


def _folder_exists() -> ServiceError:
    return ServiceError(409, "ErrorFolderExists", "A folder with the specified name already exists.")


def _tree_changes(mailbox: Mailbox, state: dict[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    """Return the folders that changed after `since`, oldest change first, with the removed ones among them."""
    since, options = state["since"], state["options"]
    select = select_from(options.get("$select"), _PROPERTIES, "mailFolder")
    shows_hidden = boolean_from(options, "includeHiddenFolders")
    changed = [
        (folder.record.changed, {"@odata.type": "#microsoft.graph.mailFolder"} | folder_json(mailbox, folder, select))
        for folder in mailbox.tree()
        if _is_told(mailbox, folder, since) and (shows_hidden or not folder.record.is_hidden)
    ]
    if since >= 0:
        removed = {"@odata.type": "#microsoft.graph.mailFolder", "@removed": {"reason": "deleted"}}
        changed += [(at, removed | {"id": folder_id}) for at, folder_id in mailbox.removed_folders if at > since]
    return sorted(changed, key=lambda one: one[0])


def _is_told(mailbox: Mailbox, folder: Folder, since: int) -> bool:
    return folder.record.changed > since and folder.record.parent in mailbox.folders and folder.number != MAILBOX_ROOT
