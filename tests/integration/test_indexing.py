"""What is searchable when: texts and vectors are written from a backlog, while messages change."""

import asyncio
from typing import Any

import pytest
from psycopg import AsyncConnection

from shared.models.accounts import ConnectedAccount
from shared.models.mail import MailMessage
from shared.storage.database import Pool, user_transaction
from shared.storage.folders import upsert_folders
from shared.storage.messages import save_messages
from shared.storage.search import take_search_backlog
from shared.sync.indexing import index_some_messages
from tests.integration.mail import INBOX, SENT, answer, message


@pytest.fixture(autouse=True)
async def folders(pool: Pool, account: ConnectedAccount) -> None:
    async with user_transaction(pool, account.user_id) as conn:
        await upsert_folders(conn, account, [INBOX, SENT])


async def save(pool: Pool, account: ConnectedAccount, *messages: MailMessage) -> None:
    fetched = await answer(pool, account, messages)
    async with user_transaction(pool, account.user_id) as conn:
        await save_messages(conn, account, fetched)


async def index(pool: Pool, account: ConnectedAccount) -> int:
    async with user_transaction(pool, account.user_id) as conn:
        return await index_some_messages(conn, account, 100)


async def found(pool: Pool, account: ConnectedAccount, word: str) -> int:
    async with user_transaction(pool, account.user_id) as conn:
        row = await (await conn.execute("SELECT count(*) FROM messages_matching(%s)", (word,))).fetchone()
    assert row is not None
    return int(row[0])


async def texts(owner: AsyncConnection[Any]) -> list[str | None]:
    cur = await owner.execute("SELECT text FROM message_body JOIN message ON id = message_id ORDER BY subject")
    return [row[0] for row in await cur.fetchall()]


def letter(name: str, html: str, **changes: Any) -> MailMessage:  # noqa: ANN401 - any field of the model
    return message(name, subject=name, html=html, text=None, **changes)


async def test_the_text_of_html_is_taken_when_it_becomes_searchable(
    pool: Pool, account: ConnectedAccount, owner: AsyncConnection[Any]
) -> None:
    plain = message("b", subject="b", html=None, text="as <written>")
    await save(pool, account, letter("a", "<p>a needle</p>"), plain)
    assert (await texts(owner), await found(pool, account, "needle")) == ([None, "as <written>"], 0)
    assert (await index(pool, account), await index(pool, account)) == (2, 0)
    assert (await texts(owner), await found(pool, account, "needle")) == (["a needle", "as <written>"], 1)


async def test_a_taken_text_is_not_taken_for_a_difference(
    pool: Pool, account: ConnectedAccount, owner: AsyncConnection[Any]
) -> None:
    await save(pool, account, letter("a", "<p>a needle</p>"))
    await index(pool, account)
    await save(pool, account, letter("a", "<p>a needle</p>", change_key="2", is_read=True))
    assert (await texts(owner), await index(pool, account)) == (["a needle"], 0)
    await save(pool, account, letter("a", "<p>hay</p>", change_key="3"))
    assert (await texts(owner), await index(pool, account)) == ([None], 1)
    assert [await found(pool, account, word) for word in ("needle", "hay")] == [0, 1]


async def test_what_is_saved_while_it_is_indexed_is_indexed_again(
    pool: Pool, account: ConnectedAccount, owner: AsyncConnection[Any]
) -> None:
    await save(pool, account, letter("a", "<p>old</p>"))
    async with user_transaction(pool, account.user_id) as conn:
        assert await index_some_messages(conn, account, 100) == 1
        saving = asyncio.create_task(save(pool, account, letter("a", "<p>new</p>", change_key="2")))
        await _until_someone_waits(owner)
    await saving
    assert await index(pool, account) == 1
    assert [await found(pool, account, word) for word in ("old", "new")] == [0, 1]


async def test_what_is_being_saved_is_left_to_the_next_batch(pool: Pool, account: ConnectedAccount) -> None:
    await save(pool, account, letter("a", "<p>old</p>"), letter("b", "<p>third</p>"))
    newer = await answer(pool, account, [letter("a", "<p>new</p>", change_key="2")])
    async with user_transaction(pool, account.user_id) as conn:
        await save_messages(conn, account, newer)
        assert await index(pool, account) == 1
    assert await index(pool, account) == 1
    assert [await found(pool, account, word) for word in ("old", "new", "third")] == [0, 1, 1]


async def test_a_batch_is_no_larger_than_memory_allows(pool: Pool, account: ConnectedAccount) -> None:
    await save(pool, account, *(letter(f"m{number}", "x" * 1000) for number in range(10)))
    sizes = []
    for _ in range(4):
        async with user_transaction(pool, account.user_id) as conn:
            sizes.append(len(await take_search_backlog(conn, account, most_messages=100, most_characters=3500)))
    assert sizes == [4, 4, 2, 0]


async def _until_someone_waits(owner: AsyncConnection[Any]) -> None:
    sql = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"
    async with asyncio.timeout(10):
        while True:
            row = await (await owner.execute(sql)).fetchone()
            if row and row[0]:
                return
