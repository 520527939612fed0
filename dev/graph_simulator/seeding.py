"""Fills mailboxes: the demo's from real mail, others with one message at a time."""

import base64
from collections.abc import Callable
from datetime import datetime
from typing import Any

from dev.demo_mailbox.layout import placed_mails
from dev.demo_mailbox.mail import Address, Attachment, Mail, PlacedMail
from dev.demo_mailbox.parsing import mail_from
from dev.demo_mailbox.sources import raw_mails
from dev.graph_simulator.clock import iso, moment_from
from dev.graph_simulator.composing import Composed, compose
from dev.graph_simulator.directory import User
from dev.graph_simulator.errors import bad_request
from dev.graph_simulator.folders import Folder
from dev.graph_simulator.mailbox import Mailbox
from dev.graph_simulator.simulator import Simulator

Progress = Callable[[int, int], None]
_HEAVY = ("body", "internetMessageHeaders", "attachments")
_KINDS = {"itemAttachment": "item", "referenceAttachment": "reference"}


class OtherMailbox(Exception):
    """The state holds a mailbox that was made from another source."""


def fill_demo_mailbox(simulator: Simulator, owner: User, source: str, end: datetime, tell: Progress) -> int:
    """
    Fill the owner's mailbox from a source, unless the state has it; return how many messages it holds.

    All or nothing: a process that is killed before the end leaves an empty mailbox. Raises `OtherMailbox`.
    """
    mailbox = simulator.mailbox(owner)
    known = simulator.store.get("demo", owner.id)
    if known is not None and known != source:
        raise OtherMailbox(f"the state holds the mailbox of {known!r}, not of {source!r}: use another state directory")
    if known is None:
        address = Address(owner.name, owner.address)
        for placed in placed_mails(raw_mails(source), source, end, address, tell):
            mailbox.add(_composed(mailbox, placed), folder_at(mailbox, placed.folder))
        simulator.store.put("demo", owner.id, source)
        simulator.store.commit()
    return len(mailbox.messages)


def folder_at(mailbox: Mailbox, path: tuple[str, ...]) -> Folder:
    """Return the folder at a path, which starts with a well-known name; missing ones are made."""
    folder = mailbox.folder(path[0])
    for name in path[1:]:
        children = {one.record.display_name.lower(): one for one in mailbox.children(folder.number)}
        folder = children.get(name.lower()) or mailbox.create_folder(name, folder)
    return folder


def mail_of(mailbox: Mailbox, properties: dict[str, Any], raw: bytes | None, now: datetime) -> Composed:
    """
    Build a message from message properties, from raw MIME, or from MIME with properties laid over it.

    Raises a 400 when a property cannot be understood.
    """
    mail = mail_from(raw) if raw is not None else Mail()
    try:
        received = moment_from(properties["receivedDateTime"]) if "receivedDateTime" in properties else now
        _lay_over(mail, properties)
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise bad_request(f"The message cannot be understood: {exc!r}") from exc
    overrides = {name: value for name, value in properties.items() if name not in _HEAVY}
    if "receivedDateTime" in overrides:
        overrides["receivedDateTime"] = iso(received)
    thread = mailbox.ids.conversation((mail.references or [mail.message_id or iso(now)])[0])
    return compose(mail, received, thread, overrides)


def _lay_over(mail: Mail, properties: dict[str, Any]) -> None:
    if body := properties.get("body"):
        is_html = body.get("contentType", "html").lower() == "html"
        mail.html, mail.text = (body["content"], None) if is_html else (None, body["content"])
    if "internetMessageHeaders" in properties:
        mail.headers = [(one["name"], one["value"]) for one in properties["internetMessageHeaders"]]
    for one in properties.get("attachments") or []:
        kind = _KINDS.get(one.get("@odata.type", "").rpartition(".")[2], "file")
        data = base64.b64decode(one.get("contentBytes", ""))
        is_inline, content_id = bool(one.get("isInline")), one.get("contentId")
        mail.attachments.append(Attachment(one["name"], one.get("contentType"), data, is_inline, content_id, kind))


def _composed(mailbox: Mailbox, placed: PlacedMail) -> Composed:
    flag: dict[str, Any] = {"flagStatus": placed.flag_status}
    if placed.flag_status == "complete":
        flag["completedDateTime"] = {
            "dateTime": iso(placed.received_at).removesuffix("Z") + ".0000000",
            "timeZone": "UTC",
        }
    overrides = {"isRead": placed.is_read, "flag": flag, "categories": placed.categories}
    return compose(placed.mail, placed.received_at, mailbox.ids.conversation(placed.conversation), overrides)
