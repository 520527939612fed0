"""Reading a mailbox as the simulator plays it, its traps included."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.errors import (
    CursorExpired,
    ProviderItemNotFound,
    ProviderUnavailable,
    Throttled,
)
from shared.models.mail import ChangePage, FlagStatus, MailMessage, MessageKind
from tests.provider.conftest import Outlook

KINDS = {
    None: MessageKind.MESSAGE,
    "meetingRequest": MessageKind.MEETING_REQUEST,
    "meetingTenativelyAccepted": MessageKind.MEETING_RESPONSE,
    "meetingCancelled": MessageKind.MEETING_CANCELLATION,
}
START, END = datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def without_faults(outlook: Outlook) -> Iterator[None]:
    yield
    outlook.admin.clear_faults()
    outlook.admin.limits(concurrency=4, retry_after="integer")


async def rounds(outlook: Outlook, cursor: str | None = None, size: int = 1000) -> AsyncIterator[ChangePage]:
    """Follow the inbox to the end of the round."""
    folder = outlook.folder_id("inbox")
    while True:
        page = await outlook.mail.changes(folder, cursor, page_messages=size)
        yield page
        if not page.has_more:
            return
        cursor = page.cursor


async def listed_ids(outlook: Outlook) -> tuple[list[str], str]:
    pages = [page async for page in rounds(outlook)]
    return [item.provider_message_id for page in pages for item in page.listed], pages[-1].cursor


# Folders


async def test_the_tree_comes_parents_first_without_hidden_and_search_folders(outlook: Outlook) -> None:
    admin, address = outlook.admin, outlook.address
    parent = admin.create_folder(address, "Projects/Ideas", "inbox")
    for number in range(12):
        admin.create_folder(address, f"Child {number}", parent["id"])
    hidden = admin.create_folder(address, "Hidden", is_hidden=True)
    admin.create_folder(address, "Below hidden", hidden["id"])
    tree = await outlook.mail.list_folders()
    by_id = {folder.provider_folder_id: folder for folder in tree}
    names = [folder.display_name for folder in tree]
    assert {"Projects/Ideas", *(f"Child {number}" for number in range(12))} <= set(names)
    assert not {"Hidden", "Below hidden"} & set(names)
    positions = {folder.provider_folder_id: position for position, folder in enumerate(tree)}
    for folder in tree:
        above = folder.parent_provider_folder_id
        assert above is None or positions[above] < positions[folder.provider_folder_id]
    inbox = next(folder for folder in tree if folder.well_known_name == "inbox")
    assert by_id[parent["id"]].parent_provider_folder_id == inbox.provider_folder_id
    assert inbox.parent_provider_folder_id is None
    assert {"inbox", "sentitems", "drafts", "deleteditems", "junkemail"} <= {f.well_known_name for f in tree}


async def test_counts_are_the_providers(outlook: Outlook) -> None:
    for is_read in (True, False, False):
        outlook.deliver(isRead=is_read)
    inbox = next(folder for folder in await outlook.mail.list_folders() if folder.well_known_name == "inbox")
    assert (inbox.total_count, inbox.unread_count) == (3, 2)


# Every message


def what_the_mailbox_holds(outlook: Outlook) -> dict[str, dict[str, Any]]:
    return {line["immutableId"]: line for line in outlook.admin.dump(outlook.address) if line["kind"] == "message"}


def assert_same(message: MailMessage, held: dict[str, Any]) -> None:
    """Compare what arrived with what the simulator's own store says."""

    def stored(text: str | None) -> str | None:
        return None if text is None else re.sub("[\x00\ud800-\udfff]", "\ufffd", text)

    assert message.failure is None
    assert message.kind is KINDS[held.get("meetingMessageType")]
    assert message.change_key == held["changeKey"]
    assert message.provider_folder_id == held["parentFolderId"]
    assert message.subject == (stored(held.get("subject")) or "")
    assert message.preview == (stored(held.get("bodyPreview")) or "")
    assert (message.html or "") == (stored(held["bodyHtml"]) or "")
    assert [(name, value) for name, value in message.headers] == [
        (stored(header["name"]), stored(header["value"])) for header in held["internetMessageHeaders"]
    ]
    assert [(box.name, box.address) for box in message.to] == [
        (stored(to["emailAddress"].get("name")), to["emailAddress"].get("address")) for to in held["toRecipients"]
    ]
    assert message.is_read is bool(held.get("isRead"))
    assert message.internet_message_id == held.get("internetMessageId")
    assert [attachment.provider_attachment_id for attachment in message.attachments] == [
        attachment["id"] for attachment in held["attachments"]
    ]
    is_altered = "\ufffd" in json.dumps([message.subject, message.html, message.headers], ensure_ascii=False)
    assert bool(message.altered) is is_altered


async def test_every_message_arrives_as_it_is_however_odd_by_window_and_by_id(outlook: Outlook) -> None:
    outlook.admin.make_synthetic(
        outlook.address, 150, odd_percent=60, body_bytes=500, start=START.isoformat(), end=END.isoformat()
    )
    held = what_the_mailbox_holds(outlook)
    ids, _ = await listed_ids(outlook)
    assert set(ids) == set(held)
    assert len(ids) == 150
    by_id = [
        message
        for start in range(0, 150, 10)
        for message in (await outlook.mail.messages(ids[start : start + 10])).messages
    ]
    inbox, step = outlook.folder_id("inbox"), (END - START) / 50
    never = datetime(1, 1, 1, tzinfo=UTC)
    windows = [(never, never + timedelta(seconds=1)), *((START + n * step, START + (n + 1) * step) for n in range(50))]
    by_window = [
        message
        for begin, end in windows
        for message in (await outlook.mail.messages_between(inbox, begin, end, limit=20)).messages
    ]
    for found in (by_id, by_window):
        assert sorted(message.provider_message_id for message in found) == sorted(ids)
        for message in found:
            assert_same(message, held[message.provider_message_id])


async def test_ids_with_slashes_and_pluses_and_twins_in_other_case_are_all_found(outlook: Outlook) -> None:
    outlook.admin.make_synthetic(outlook.address, 60, body_bytes=100)
    ids, _ = await listed_ids(outlook)
    assert any("/" in one and "+" in one for one in ids)
    assert len({one.lower() for one in ids}) < len(ids)
    for one in ids:
        fetched = await outlook.mail.messages([one])
        assert [message.provider_message_id for message in fetched.messages] == [one]
    fetched = await outlook.mail.messages(ids)
    assert {message.provider_message_id for message in fetched.messages} == set(ids)


async def test_a_message_keeps_its_id_when_it_moves_and_is_missing_when_it_is_gone(outlook: Outlook) -> None:
    moved, gone, stays = outlook.deliver(), outlook.deliver(), outlook.deliver()
    outlook.admin.move(outlook.address, moved, "archive")
    outlook.admin.delete(outlook.address, gone, permanent=True)
    fetched = await outlook.mail.messages([moved, gone, stays, "foreign"])
    homes = {message.provider_message_id: message.provider_folder_id for message in fetched.messages}
    assert homes == {moved: outlook.folder_id("archive"), stays: outlook.folder_id("inbox")}
    assert sorted(fetched.missing_ids) == sorted([gone, "foreign"])


async def test_a_window_includes_its_beginning_and_not_its_end(outlook: Outlook) -> None:
    moment = datetime(2025, 6, 1, 12, tzinfo=UTC)
    ids = [
        outlook.deliver(receivedDateTime=(moment + timedelta(seconds=n)).strftime("%Y-%m-%dT%H:%M:%SZ"))
        for n in range(3)
    ]
    fetched = await outlook.mail.messages_between(
        outlook.folder_id("inbox"), moment, moment + timedelta(seconds=2), limit=10
    )
    assert [message.provider_message_id for message in fetched.messages] == [ids[1], ids[0]]


async def test_a_window_of_a_folder_that_is_gone_says_so(outlook: Outlook) -> None:
    folder = outlook.admin.create_folder(outlook.address, "Short-lived")
    outlook.admin.delete_folder(outlook.address, folder["id"], permanent=True)
    with pytest.raises(ProviderItemNotFound):
        await outlook.mail.messages_between(folder["id"], START, END, limit=10)


# Changes


async def test_an_enumeration_is_newest_first_and_its_change_keys_are_the_messages(outlook: Outlook) -> None:
    outlook.admin.make_synthetic(outlook.address, 55, body_bytes=100, start=START.isoformat(), end=END.isoformat())
    held = what_the_mailbox_holds(outlook)
    pages = [page async for page in rounds(outlook, size=20)]
    assert [len(page.listed) for page in pages] == [20, 20, 15]
    listed = [item for page in pages for item in page.listed]
    times = [item.received_at for item in listed if item.received_at]
    assert times == sorted(times, reverse=True)
    assert {item.provider_message_id: item.change_key for item in listed} == {
        message_id: message["changeKey"] for message_id, message in held.items()
    }


async def test_changes_are_told_once_the_cursor_is_followed(outlook: Outlook) -> None:
    kept, moved, gone = outlook.deliver(), outlook.deliver(), outlook.deliver()
    _, cursor = await listed_ids(outlook)
    outlook.admin.update(outlook.address, kept, flag={"flagStatus": "flagged"})
    outlook.admin.move(outlook.address, moved, "archive")
    outlook.admin.delete(outlook.address, gone, permanent=True)
    new = outlook.deliver()
    pages = [page async for page in rounds(outlook, cursor, size=1)]
    assert {item.provider_message_id for page in pages for item in page.listed} == {kept, new}
    assert sorted(one for page in pages for one in page.removed_ids) == sorted([moved, gone])
    assert (await outlook.mail.messages([kept])).messages[0].flag is FlagStatus.FLAGGED
    again = [page async for page in rounds(outlook, pages[-1].cursor)]
    assert [(page.listed, page.removed_ids) for page in again] == [([], [])]


async def test_empty_pages_and_repeated_items_do_no_harm(outlook: Outlook) -> None:
    outlook.admin.make_synthetic(outlook.address, 30, body_bytes=100)
    outlook.admin.delta(outlook.address, empty_every=1, repeat_every=3)
    pages = [page async for page in rounds(outlook, size=10)]
    assert [] in [page.listed for page in pages]
    assert sorted(item.provider_message_id for page in pages for item in page.listed) == sorted(
        what_the_mailbox_holds(outlook)
    )


@pytest.mark.parametrize("code", ["SyncStateNotFound", "resyncRequired"])
async def test_a_forgotten_cursor_expires_and_a_fresh_enumeration_works(outlook: Outlook, code: str) -> None:
    delivered = outlook.deliver()
    _, cursor = await listed_ids(outlook)
    outlook.admin.expire_sync_state(outlook.address, code=code)
    with pytest.raises(CursorExpired):
        await outlook.mail.changes(outlook.folder_id("inbox"), cursor, page_messages=10)
    assert (await listed_ids(outlook))[0] == [delivered]


async def test_a_broken_cursor_expires(outlook: Outlook) -> None:
    _, cursor = await listed_ids(outlook)
    with pytest.raises(CursorExpired):
        await outlook.mail.changes(outlook.folder_id("inbox"), cursor[:-5] + "AAAAA", page_messages=10)


# Limits and faults


async def test_however_much_is_asked_at_once_four_requests_are_in_flight(outlook: Outlook) -> None:
    outlook.admin.make_synthetic(outlook.address, 100, body_bytes=100)
    ids, _ = await listed_ids(outlook)
    outlook.admin.latency(20)
    inbox = outlook.folder_id("inbox")
    await asyncio.gather(
        *(outlook.mail.messages(ids[start : start + 20]) for start in range(0, 100, 20)),
        *(outlook.mail.messages_between(inbox, START, END, limit=10) for _ in range(5)),
        *(outlook.mail.messages([one]) for one in ids[:5]),
        outlook.mail.list_folders(),
    )
    outlook.admin.latency(0)
    usage = outlook.admin.usage(outlook.address)
    assert usage["peakConcurrency"] == 4
    assert usage["throttled"] == {}


@pytest.mark.parametrize("form", ["integer", "fraction", "date", "absent"])
async def test_a_throttled_mailbox_says_how_long_in_every_form(outlook: Outlook, form: str) -> None:
    ids = [outlook.deliver(), outlook.deliver()]
    outlook.admin.limits(retry_after=form)
    outlook.admin.advance_clock(600)  # whose clock it is by must not matter
    outlook.admin.throttle(outlook.address, 30)
    for wanted in (ids, ids[:1]):
        with pytest.raises(Throttled) as refusal:
            await outlook.mail.messages(wanted)
        seconds = refusal.value.retry_after_seconds
        assert seconds is None if form == "absent" else seconds is not None and 25 < seconds <= 31
    assert [type(error) for error in outlook.door.errors] == [Throttled, Throttled]
    outlook.admin.throttle(outlook.address, 0)
    outlook.admin.advance_clock(-600)


@pytest.mark.parametrize("action", ["unavailable", "failed", "timeout", "html", "empty", "reset", "half"])
async def test_faults_of_the_far_end_are_outages(outlook: Outlook, action: str) -> None:
    message_id = outlook.deliver()
    outlook.admin.fault(action, path="/messages/", times=1)
    with pytest.raises(ProviderUnavailable):
        await outlook.mail.messages([message_id])
    assert len((await outlook.mail.messages([message_id])).messages) == 1


async def test_an_expired_token_is_renewed_in_passing(outlook: Outlook) -> None:
    message_id = outlook.deliver()
    outlook.admin.expire_access_tokens(outlook.address)
    outlook.admin.advance_clock(2)  # it counts the issue of tokens in whole seconds
    assert len((await outlook.mail.messages([message_id])).messages) == 1
    assert len(outlook.rejected) == 1


# Attachments and subscriptions


async def test_an_attachment_streams_and_is_missing_when_its_message_is(outlook: Outlook) -> None:
    raw = (
        "Subject: With a file\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        "--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n"
        "--b\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=a.bin\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\nAAECAwQ=\r\n--b--\r\n"
    )
    outlook.admin.deliver(outlook.address, raw=raw)
    ids, _ = await listed_ids(outlook)
    message = (await outlook.mail.messages(ids)).messages[0]
    attachment = message.attachments[0]
    async with aclosing(
        outlook.mail.attachment_content(message.provider_message_id, attachment.provider_attachment_id)
    ) as parts:
        assert b"".join([part async for part in parts]) == bytes(range(5))
    outlook.admin.delete(outlook.address, message.provider_message_id, permanent=True)
    with pytest.raises(ProviderItemNotFound):
        async for _ in outlook.mail.attachment_content(message.provider_message_id, attachment.provider_attachment_id):
            pass
