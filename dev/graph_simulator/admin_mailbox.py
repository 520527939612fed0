"""The admin API of mailboxes: what arrives, moves, changes and vanishes, and the dump of it all."""

import asyncio
import base64
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from dev.graph_simulator import admin_bodies as bodies
from dev.graph_simulator.admin_requests import AdminRoute, body_of, folder_of, json_answer, mailbox_of
from dev.graph_simulator.dump import dump_lines, folder_path
from dev.graph_simulator.errors import bad_request
from dev.graph_simulator.folders import Folder
from dev.graph_simulator.graph_folders import change_folder, create_folder, delete_folder, folder_json
from dev.graph_simulator.graph_messages import checked_changes
from dev.graph_simulator.mailbox import Mailbox, Message
from dev.graph_simulator.seeding import mail_of
from dev.graph_simulator.simulator import Simulator
from dev.graph_simulator.synthetic import ODD, Recipe, synthetic_messages

_AT_ONCE = 100  # synthetic messages between two turns of other requests
_DUMP_LINES = 200


async def deliver(simulator: Simulator, request: web.Request) -> web.StreamResponse:
    mailbox = mailbox_of(simulator, request)
    if request.content_type == "message/rfc822":
        wanted = bodies.NewMessage(folder=request.query.get("folder", "inbox"))
        raw: bytes | None = await request.read()
    else:
        wanted = await body_of(request, bodies.NewMessage)
        raw = wanted.raw.encode() if wanted.raw is not None else None
        if wanted.raw_base64 is not None:
            raw = base64.b64decode(wanted.raw_base64)
    composed = mail_of(mailbox, wanted.message, raw, simulator.clock.now())
    return json_answer(message_json(mailbox, mailbox.add(composed, folder_of(mailbox, wanted.folder))), 201)


async def make_synthetic(simulator: Simulator, request: web.Request) -> web.StreamResponse:
    mailbox = mailbox_of(simulator, request)
    wanted = await body_of(request, bodies.Synthetic)
    if unknown := sorted(set(wanted.odd) - set(ODD)):
        raise bad_request(f"unknown odd kinds {unknown}; known: {sorted(ODD)}")
    folders = [folder_of(mailbox, one) for one in wanted.folders]
    recipe = Recipe(**wanted.model_dump(exclude={"folders"}))
    for position, composed in enumerate(synthetic_messages(recipe, mailbox)):
        mailbox.add(composed, folders[position % len(folders)])
        if position % _AT_ONCE == 0:
            await asyncio.sleep(0)
    return json_answer({"made": wanted.count, "messages": len(mailbox.messages)}, 201)


async def list_messages(simulator: Simulator, request: web.Request) -> web.StreamResponse:
    mailbox = mailbox_of(simulator, request)
    found: Iterator[Message] = iter(mailbox.messages.values())
    if "folder" in request.query:
        number = folder_of(mailbox, request.query["folder"]).number
        found = (one for one in found if one.folder == number)
    return json_answer({"messages": [message_json(mailbox, one) for one in found]})


async def patch_message(simulator: Simulator, request: web.Request) -> web.StreamResponse:
    """Set any message property, also ones that the service itself would not let a client set."""
    mailbox, message = _message(simulator, request)
    properties = await request.json()
    if not isinstance(properties, dict) or set(properties) & {"body", "id", "changeKey", "parentFolderId"}:
        raise bad_request("a JSON object of light message properties is wanted")
    mailbox.update(message, checked_changes(message, properties))
    return json_answer(message_json(mailbox, message))


async def move_message(simulator: Simulator, request: web.Request) -> web.StreamResponse:
    mailbox, message = _message(simulator, request)
    wanted = await body_of(request, bodies.Move)
    mailbox.move(message, folder_of(mailbox, wanted.folder))
    return json_answer(message_json(mailbox, message))


async def undelete_message(simulator: Simulator, request: web.Request) -> web.StreamResponse:
    """Bring back what was deleted, by whichever way."""
    mailbox = mailbox_of(simulator, request)
    folder = folder_of(mailbox, (await body_of(request, bodies.Undelete)).folder)
    return json_answer(message_json(mailbox, mailbox.undelete(unquote(request.match_info["message"]), folder)))


async def delete_message(simulator: Simulator, request: web.Request) -> web.StreamResponse:
    mailbox, message = _message(simulator, request)
    if request.query.get("permanent") == "true":
        mailbox.purge(message)
    else:
        mailbox.delete(message)
    return web.Response(status=204)


async def list_folders(simulator: Simulator, request: web.Request) -> web.StreamResponse:
    mailbox = mailbox_of(simulator, request)
    return json_answer({"folders": [_folder_json(mailbox, one) for one in mailbox.tree()]})


async def make_folder(simulator: Simulator, request: web.Request) -> web.StreamResponse:
    mailbox = mailbox_of(simulator, request)
    wanted = await body_of(request, bodies.NewFolder)
    parent = folder_of(mailbox, wanted.parent)
    folder = create_folder(mailbox, wanted.name, parent, is_hidden=wanted.is_hidden)
    folder.record.search_text = wanted.search_text
    mailbox.save_folder(folder)
    return json_answer(_folder_json(mailbox, folder), 201)


async def patch_folder(simulator: Simulator, request: web.Request) -> web.StreamResponse:
    mailbox, folder = _folder(simulator, request)
    wanted = await body_of(request, bodies.FolderChange)
    parent = folder_of(mailbox, wanted.parent) if wanted.parent else None
    change_folder(mailbox, folder, name=wanted.name, parent=parent)
    return json_answer(_folder_json(mailbox, folder))


async def remove_folder(simulator: Simulator, request: web.Request) -> web.StreamResponse:
    mailbox, folder = _folder(simulator, request)
    if request.query.get("permanent") == "true":
        mailbox.delete_folder(folder)
    else:
        delete_folder(mailbox, folder)
    return web.Response(status=204)


async def change_delta(simulator: Simulator, request: web.Request) -> web.StreamResponse:
    mailbox = mailbox_of(simulator, request)
    wanted = await body_of(request, bodies.DeltaChange)
    behaviour = replace(simulator.delta_behaviour(mailbox), **wanted.model_dump(exclude_none=True))
    simulator.delta_behaviours[mailbox.id] = behaviour
    return json_answer(asdict(behaviour))


async def expire_sync_state(simulator: Simulator, request: web.Request) -> web.StreamResponse:
    mailbox = mailbox_of(simulator, request)
    wanted = await body_of(request, bodies.SyncStateExpiry)
    folders = [folder_of(mailbox, wanted.folder)] if wanted.folder else list(mailbox.folders.values())
    for folder in folders:
        folder.record.state_generation += 1
        folder.record.expiry = wanted.code
        mailbox.save_folder(folder)
    return json_answer({"expired": len(folders)})


async def block(simulator: Simulator, request: web.Request) -> web.StreamResponse:
    wanted = await body_of(request, bodies.Block)
    simulator.limits.block(wanted.app, mailbox_of(simulator, request).id, wanted.seconds)
    return web.Response(status=204)


async def dump(simulator: Simulator, request: web.Request) -> web.StreamResponse:
    mailbox = mailbox_of(simulator, request)
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
    await response.prepare(request)
    lines: list[bytes] = []
    for line in dump_lines(mailbox):
        lines.append(line)
        if len(lines) == _DUMP_LINES:
            await response.write(b"\n".join(lines) + b"\n")
            lines.clear()
    if lines:
        await response.write(b"\n".join(lines) + b"\n")
    await response.write_eof()
    return response


def message_json(mailbox: Mailbox, message: Message) -> dict[str, Any]:
    """Return what names a message: the admin API takes either id back."""
    return {
        "immutableId": message.immutable_id,
        "regularId": message.regular_id,
        "changeKey": message.change_key,
        "folderId": mailbox.folders[message.folder].id,
        "subject": message.fields.get("subject"),
        "receivedDateTime": message.received,
        "isRead": message.fields.get("isRead"),
    }


def _folder_json(mailbox: Mailbox, folder: Folder) -> dict[str, Any]:
    extra = {"wellKnownName": folder.record.well_known, "path": folder_path(mailbox, folder)}
    return folder_json(mailbox, folder) | extra


def _message(simulator: Simulator, request: web.Request) -> tuple[Mailbox, Message]:
    mailbox = mailbox_of(simulator, request)
    return mailbox, mailbox.message(unquote(request.match_info["message"]))


def _folder(simulator: Simulator, request: web.Request) -> tuple[Mailbox, Folder]:
    mailbox = mailbox_of(simulator, request)
    return mailbox, folder_of(mailbox, unquote(request.match_info["folder"]))


_ROOT = "/mailboxes/{address}"
MAILBOX_ROUTES: tuple[AdminRoute, ...] = (
    ("POST", f"{_ROOT}/messages", deliver),
    ("GET", f"{_ROOT}/messages", list_messages),
    ("POST", f"{_ROOT}/synthetic", make_synthetic),
    ("PATCH", f"{_ROOT}/messages/{{message}}", patch_message),
    ("DELETE", f"{_ROOT}/messages/{{message}}", delete_message),
    ("POST", f"{_ROOT}/messages/{{message}}/move", move_message),
    ("POST", f"{_ROOT}/messages/{{message}}/undelete", undelete_message),
    ("GET", f"{_ROOT}/folders", list_folders),
    ("POST", f"{_ROOT}/folders", make_folder),
    ("PATCH", f"{_ROOT}/folders/{{folder}}", patch_folder),
    ("DELETE", f"{_ROOT}/folders/{{folder}}", remove_folder),
    ("PUT", f"{_ROOT}/delta", change_delta),
    ("POST", f"{_ROOT}/expire-sync-state", expire_sync_state),
    ("POST", f"{_ROOT}/throttle", block),
    ("GET", f"{_ROOT}/dump", dump),
)
