"""Messages and attachments: what each request to them does."""

from collections.abc import Sequence
from typing import Any

from dev.graph_simulator.calls import (
    Call,
    Reply,
    applied,
    attachment_select_from,
    shape_from,
)
from dev.graph_simulator.delta import delta
from dev.graph_simulator.errors import ServiceError, bad_request, item_not_found, malformed_id, not_covered
from dev.graph_simulator.folders import Folder
from dev.graph_simulator.identifiers import canonical
from dev.graph_simulator.json_text import to_json
from dev.graph_simulator.mailbox import Mailbox, Message
from dev.graph_simulator.messages import (
    Shape,
    attachment_json,
    id_of,
    message_json,
    mime,
)
from dev.graph_simulator.queries import (
    MessageQuery,
    filter_from,
    matching,
    message_query_from,
    options_from,
    query_string,
)
from dev.graph_simulator.simulator import Simulator

_LIST_OPTIONS = ("$top", "$skip", "$select", "$filter", "$orderby", "$count", "$expand")
_FLAG_STATES = ("notFlagged", "flagged", "complete")
_CHANGEABLE = ("isRead", "flag", "categories", "inferenceClassification", "importance")


def list_all(_: Simulator, call: Call) -> Reply:
    return _list(call, call.mailbox.order, f"users('{call.session.user.id}')/messages")


def list_in_folder(_: Simulator, call: Call) -> Reply:
    folder = call.mailbox.folder(call.parameters["folder"])
    context = f"users('{call.session.user.id}')/mailFolders('{folder.id}')/messages"
    return _list(call, _order(call.mailbox, folder), context)


def count_all(_: Simulator, call: Call) -> Reply:
    return _count(call, call.mailbox.order)


def count_in_folder(_: Simulator, call: Call) -> Reply:
    return _count(call, _order(call.mailbox, call.mailbox.folder(call.parameters["folder"])))


def folder_delta(simulator: Simulator, call: Call) -> Reply:
    folder = call.mailbox.folder(call.parameters["folder"])
    if folder.is_search:
        raise not_covered("delta of a search folder")
    now = simulator.clock.now().timestamp()
    return delta(call.mailbox, simulator.delta_behaviour(call.mailbox), call, simulator.token_key, now)


def get_one(_: Simulator, call: Call) -> Reply:
    options = options_from(call.query, ("$select", "$expand"))
    return _message_reply(call, _message(call), shape_from(call, options))


def get_mime(_: Simulator, call: Call) -> Reply:
    return Reply(200, mime(call.mailbox, _message(call)), content_type="text/plain", messages=1)


def patch_one(_: Simulator, call: Call) -> Reply:
    message = _message(call)
    if call.headers.get("if-match", "*") not in ("*", f'W/"{message.change_key}"'):
        raise ServiceError(412, "ErrorIrresolvableConflict", "The send or update operation could not be performed.")
    properties = call.json()
    for name in properties:
        if name not in _CHANGEABLE:
            raise not_covered(f"changing '{name}' of a message")
    call.mailbox.update(message, checked_changes(message, properties))
    return _message_reply(call, message, shape_from(call, {}))


def move_one(_: Simulator, call: Call) -> Reply:
    message = _message(call)
    call.mailbox.move(message, _destination(call))
    return _message_reply(call, message, shape_from(call, {}, is_typed=True), 201)


def copy_one(_: Simulator, call: Call) -> Reply:
    made = call.mailbox.copy(_message(call), _destination(call))
    return _message_reply(call, made, shape_from(call, {}, is_typed=True), 201)


def delete_one(_: Simulator, call: Call) -> Reply:
    call.mailbox.delete(_message(call))
    return Reply(204)


def delete_for_good(_: Simulator, call: Call) -> Reply:
    call.mailbox.purge(_message(call))
    return Reply(204)


def list_attachments(_: Simulator, call: Call) -> Reply:
    # The service ignores a filter here.
    options = options_from(call.query, ("$select", "$filter"))
    message = _message(call)
    shape = _attachment_shape(call, options)
    count = len(call.mailbox.store.attachments(message.content))
    values = [attachment_json(call.mailbox, message, shape, position) for position in range(count)]
    return _listing(call.context(_attachments_path(call, message, shape)), values)


def get_attachment(_: Simulator, call: Call) -> Reply:
    options = options_from(call.query, ("$select",))
    message, position = _attachment(call)
    shape = _attachment_shape(call, options)
    head = to_json({"@odata.context": call.context(f"{_attachments_path(call, message, shape)}/$entity")})
    body = head[:-1] + b"," + attachment_json(call.mailbox, message, shape, position)[1:]
    return Reply(200, body, applied(call.headers))


def get_attachment_bytes(_: Simulator, call: Call) -> Reply:
    message, position = _attachment(call)
    properties = call.mailbox.store.attachments(message.content)[position]
    if properties["@odata.type"] == "#microsoft.graph.referenceAttachment":
        raise ServiceError(405, "ErrorInvalidRequest", "The attachment is a link and has no content of its own.")
    data = call.mailbox.store.attachment_data(message.content, position)
    return Reply(200, data, content_type=properties["contentType"] or "text/plain")


def checked_changes(message: Message, properties: dict[str, Any]) -> dict[str, Any]:
    """Return what a PATCH sets; a flag is merged with the one that is there. Raises a 400 for a wrong value."""
    changes = dict(properties)
    if "isRead" in changes and not isinstance(changes["isRead"], bool):
        raise bad_request("Cannot convert the literal to the expected type 'Edm.Boolean' of isRead.")
    if "flag" in changes:
        flag = dict(message.fields.get("flag") or {}) | (changes["flag"] or {})
        if flag.get("flagStatus") not in _FLAG_STATES:
            raise bad_request("Requested value of flagStatus was not found.")
        changes["flag"] = {"flagStatus": flag["flagStatus"]} if flag["flagStatus"] == "notFlagged" else flag
    return changes


def _order(mailbox: Mailbox, folder: Folder) -> list[tuple[str, int]]:
    return mailbox.matches_of(folder) if folder.is_search else folder.order


def _list(call: Call, order: list[tuple[str, int]], context: str) -> Reply:
    options = options_from(call.query, _LIST_OPTIONS)
    shape = shape_from(call, options)
    query = message_query_from(options)
    found = matching(call.mailbox, order, query)
    page = found[query.skip : query.skip + query.top]
    values = [message_json(call.mailbox, call.mailbox.messages[number], shape) for _, number in page]
    if shape.select:
        context += f"({','.join(shape.select)})"
    link = _next_link(call, options, query, len(found))
    reply = _listing(call.context(context), values, len(found) if query.is_counted else None, link)
    reply.headers = applied(call.headers)
    reply.messages = len(values) if shape.has_body else 0
    return reply


def _next_link(call: Call, options: dict[str, str], query: MessageQuery, total: int) -> str | None:
    after = query.skip + query.top
    return call.link(query_string(options | {"$skip": str(after)})) if after < total else None


def _listing(context: str, values: Sequence[bytes], count: int | None = None, link: str | None = None) -> Reply:
    head: dict[str, Any] = {"@odata.context": context}
    if count is not None:
        head["@odata.count"] = count
    tail = b',"@odata.nextLink":%s}' % to_json(link) if link else b"}"
    return Reply(200, to_json(head)[:-1] + b',"value":[' + b",".join(values) + b"]" + tail)


def _count(call: Call, order: list[tuple[str, int]]) -> Reply:
    options = options_from(call.query, ("$filter",))
    query = MessageQuery(1, 0, filter_from(options.get("$filter")), is_ascending=True, is_counted=False)
    return Reply(200, str(len(matching(call.mailbox, order, query))).encode(), content_type="text/plain")


def _message(call: Call) -> Message:
    message = call.mailbox.message(call.parameters["message"])
    if "folder" in call.parameters and call.mailbox.folder(call.parameters["folder"]).number != message.folder:
        raise item_not_found()
    return message


def _message_reply(call: Call, message: Message, shape: Shape, status: int = 200) -> Reply:
    selected = f"({','.join(shape.select)})" if shape.select else ""
    context = call.context(f"users('{call.session.user.id}')/messages{selected}/$entity")
    body = to_json({"@odata.context": context})[:-1] + b"," + message_json(call.mailbox, message, shape)[1:]
    return Reply(status, body, applied(call.headers), messages=1)


def _destination(call: Call) -> Folder:
    destination = call.json().get("destinationId")
    if not isinstance(destination, str) or not destination:
        raise bad_request("The property 'destinationId' is required.")
    return call.mailbox.folder(destination)


def _attachment_shape(call: Call, options: dict[str, str]) -> Shape:
    plain = shape_from(call, {})
    return Shape(is_immutable=plain.is_immutable, attachments=attachment_select_from(options.get("$select")))


def _attachments_path(call: Call, message: Message, shape: Shape) -> str:
    return f"users('{call.session.user.id}')/messages('{id_of(message, shape)}')/attachments"


def _attachment(call: Call) -> tuple[Message, int]:
    """Find by the id of either kind, which may have been made before the message moved."""
    message = _message(call)
    wanted = canonical(call.parameters["attachment"])
    for position in range(len(call.mailbox.store.attachments(message.content))):
        for known in (message.regular_id, message.immutable_id):
            if canonical(call.mailbox.ids.attachment(known, position)) == wanted:
                return message, position
    raise item_not_found() if len(wanted) > len(message.immutable_id) else malformed_id()
