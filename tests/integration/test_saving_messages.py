"""What happens to rows when answers of the provider arrive: repeated, late, at once, and refused by the database."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, LiteralString

import pytest
from psycopg import AsyncConnection

from shared.models.accounts import ConnectedAccount
from shared.models.mail import Fetched, ProviderFolder, folder_id_from, message_id_from
from shared.storage.database import Pool, user_transaction
from shared.storage.folders import upsert_folders
from shared.storage.messages import Saved, bury_messages, save_messages
from tests.integration.mail import INBOX, SENT, answer, message


@pytest.fixture(autouse=True)
async def folders(pool: Pool, account: ConnectedAccount) -> None:
    async with user_transaction(pool, account.user_id) as conn:
        await upsert_folders(conn, account, [INBOX, SENT])


async def save(pool: Pool, account: ConnectedAccount, fetched: Fetched) -> Saved:
    async with user_transaction(pool, account.user_id) as conn:
        return await save_messages(conn, account, fetched)


async def bury(pool: Pool, account: ConnectedAccount, provider_message_ids: Sequence[str], asked_at: datetime) -> Saved:
    async with user_transaction(pool, account.user_id) as conn:
        return await bury_messages(conn, account, provider_message_ids, asked_at=asked_at)


async def rows(owner: AsyncConnection[Any], sql: LiteralString, *params: object) -> list[Any]:
    return await (await owner.execute(sql, params)).fetchall()


async def test_a_saved_message_has_every_field(
    pool: Pool, account: ConnectedAccount, owner: AsyncConnection[Any]
) -> None:
    await save(pool, account, await answer(pool, account, [message("a")]))
    (row,) = await rows(
        owner,
        """SELECT subject, from_address, to_recipients, categories, flag::text, flag_dates, sent_at, direction::text,
                  html, text, headers, name, size_bytes
             FROM message JOIN message_body ON message_id = message.id
             JOIN attachment ON attachment.message_id = message.id""",
    )
    assert row == (
        "Concert",
        "ada@contoso.example",
        [{"name": "Owner", "address": "owner@contoso.example"}, {"name": None, "address": None}],
        ["Red, 'quoted'", '{"json"}'],
        "flagged",
        {"due": {"dateTime": "2026-01-01T00:00:00", "timeZone": "UTC"}},
        datetime(1, 1, 1, tzinfo=UTC),
        "incoming",
        "<p>The group plays</p>",
        "The group plays",
        [["Received", "by b"], ["Received", "by a"]],
        "song.mp3",
        12,
    )


async def test_ids_that_differ_in_one_letters_case_are_two_messages(
    pool: Pool, account: ConnectedAccount, owner: AsyncConnection[Any]
) -> None:
    await save(pool, account, await answer(pool, account, [message("AAMkx="), message("AAMkX=")]))
    assert await rows(owner, "SELECT count(*) FROM message") == [(2,)]


async def test_the_same_answer_saved_again_changes_nothing(
    pool: Pool, account: ConnectedAccount, owner: AsyncConnection[Any]
) -> None:
    fetched = await answer(pool, account, [message("a")])
    first = await save(pool, account, fetched)
    before = await rows(owner, "SELECT xmin, ctid, saved_at FROM message")
    second = await save(pool, account, fetched)
    assert len(first.created) == 1
    assert second == Saved()
    assert await rows(owner, "SELECT xmin, ctid, saved_at FROM message") == before


async def test_two_runs_at_once_save_one_row(
    pool: Pool, account: ConnectedAccount, owner: AsyncConnection[Any]
) -> None:
    fetched = await answer(pool, account, [message(f"m{n}") for n in range(50)])
    saved = await asyncio.gather(*(save(pool, account, fetched) for _ in range(4)))
    assert sum(len(result.created) for result in saved) == 50
    assert await rows(owner, "SELECT count(*) FROM message") == [(50,)]


async def test_an_answer_asked_for_before_the_last_save_does_not_overwrite_it(
    pool: Pool, account: ConnectedAccount, owner: AsyncConnection[Any]
) -> None:
    late = await answer(pool, account, [message("a", change_key="old", is_read=False)])
    await save(pool, account, await answer(pool, account, [message("a", change_key="new", is_read=True)]))
    saved = await save(pool, account, late)
    assert saved == Saved(contested=("a",))
    assert await rows(owner, "SELECT change_key, is_read FROM message") == [("new", True)]


async def test_an_answer_asked_for_later_replaces_the_row(
    pool: Pool, account: ConnectedAccount, owner: AsyncConnection[Any]
) -> None:
    await save(pool, account, await answer(pool, account, [message("a")]))
    moved = message("a", change_key="key-2", provider_folder_id="sent-id", attachments=[])
    saved = await save(pool, account, await answer(pool, account, [moved]))
    assert saved.updated == (message_id_from(account.id, "a"),)
    assert await rows(owner, "SELECT folder_id, direction::text FROM message") == [
        (folder_id_from(account.id, "sent-id"), "outgoing")
    ]
    assert await rows(owner, "SELECT count(*) FROM attachment") == [(0,)]


async def test_a_flag_does_not_rewrite_the_body_or_its_search_vector(
    pool: Pool, account: ConnectedAccount, owner: AsyncConnection[Any]
) -> None:
    await save(pool, account, await answer(pool, account, [message("a")]))
    before = await rows(owner, "SELECT ctid FROM message_body")
    await owner.execute("DELETE FROM search_backlog")
    await save(pool, account, await answer(pool, account, [message("a", change_key="key-2", is_read=True)]))
    assert await rows(owner, "SELECT ctid FROM message_body") == before
    assert await rows(owner, "SELECT count(*) FROM search_backlog") == [(0,)]


async def test_a_new_subject_or_text_enters_the_search_backlog(
    pool: Pool, account: ConnectedAccount, owner: AsyncConnection[Any]
) -> None:
    await save(pool, account, await answer(pool, account, [message("a"), message("b"), message("c")]))
    await owner.execute("DELETE FROM search_backlog")
    changed = [message("a", change_key="2", subject="Other"), message("b", change_key="2", text="Other")]
    await save(pool, account, await answer(pool, account, [*changed, message("c", change_key="2", is_read=True)]))
    assert await rows(owner, "SELECT count(*) FROM search_backlog") == [(2,)]


async def test_a_late_answer_does_not_bring_a_deleted_message_back(
    pool: Pool, account: ConnectedAccount, owner: AsyncConnection[Any]
) -> None:
    await save(pool, account, await answer(pool, account, [message("a")]))
    late = await answer(pool, account, [message("a", change_key="late")])
    gone = await answer(pool, account, [], missing_ids=["a"])
    buried = await bury(pool, account, gone.missing_ids, gone.asked_at)
    assert buried.updated == (message_id_from(account.id, "a"),)
    assert (await save(pool, account, late)).contested == ("a",)
    assert await rows(owner, "SELECT subject, deleted_at IS NULL FROM message") == [("", False)]
    assert await rows(owner, "SELECT count(*) FROM message_body") == [(0,)]


async def test_a_message_deleted_before_it_was_ever_stored_stays_away(
    pool: Pool, account: ConnectedAccount, owner: AsyncConnection[Any]
) -> None:
    late = await answer(pool, account, [message("a")])
    gone = await answer(pool, account, [], missing_ids=["a"])
    assert (await bury(pool, account, gone.missing_ids, gone.asked_at)).updated == ()
    assert (await save(pool, account, late)).contested == ("a",)
    assert await rows(owner, "SELECT count(*) FROM message WHERE deleted_at IS NULL") == [(0,)]


async def test_an_undeleted_message_comes_back_whole(
    pool: Pool, account: ConnectedAccount, owner: AsyncConnection[Any]
) -> None:
    gone = await answer(pool, account, [], missing_ids=["a"])
    await bury(pool, account, gone.missing_ids, gone.asked_at)
    saved = await save(pool, account, await answer(pool, account, [message("a")]))
    assert len(saved.created) == 1
    assert await rows(
        owner, "SELECT subject, html FROM message JOIN message_body ON message_id = id WHERE deleted_at IS NULL"
    ) == [("Concert", "<p>The group plays</p>")]


async def test_a_deletion_asked_for_before_the_last_save_is_contested(pool: Pool, account: ConnectedAccount) -> None:
    gone = await answer(pool, account, [], missing_ids=["a"])
    await save(pool, account, await answer(pool, account, [message("a")]))
    assert (await bury(pool, account, gone.missing_ids, gone.asked_at)).contested == ("a",)


async def test_a_message_that_the_database_refuses_is_marked_and_the_others_are_stored_whole(
    pool: Pool, account: ConnectedAccount, owner: AsyncConnection[Any]
) -> None:
    poisoned = message("b", subject="zero \x00 byte")
    saved = await save(pool, account, await answer(pool, account, [message("a"), poisoned, message("c")]))
    assert len(saved.created) == 3
    stored = await rows(owner, "SELECT provider_message_id, subject, failure IS NULL FROM message ORDER BY 1")
    assert stored == [("a", "Concert", True), ("b", "", False), ("c", "Concert", True)]


async def test_a_message_in_an_unknown_folder_is_not_stored_yet(
    pool: Pool, account: ConnectedAccount, owner: AsyncConnection[Any]
) -> None:
    stranger = message("a", provider_folder_id="new-folder")
    assert (await save(pool, account, await answer(pool, account, [stranger]))).contested == ("a",)
    async with user_transaction(pool, account.user_id) as conn:
        await upsert_folders(conn, account, [ProviderFolder("new-folder", "inbox-id", "New", None, 1, 0)])
    assert len((await save(pool, account, await answer(pool, account, [stranger]))).created) == 1


async def test_nothing_is_written_for_an_account_that_is_gone(
    pool: Pool, account: ConnectedAccount, owner: AsyncConnection[Any]
) -> None:
    fetched = await answer(pool, account, [message("a")])
    await owner.execute("DELETE FROM account")
    assert (await save(pool, account, fetched)).contested == ("a",)
    assert await rows(owner, "SELECT count(*) FROM message") == [(0,)]
