"""Transactions of one user: what they see, and that nothing of them stays on a connection."""

from collections.abc import AsyncIterator
from typing import Any, Final

import psycopg
import pytest
from psycopg import AsyncConnection
from psycopg.rows import tuple_row

from shared.identity import AppIdentity
from shared.storage.database import Pool, open_pool, run_at_once, user_transaction
from tests.conftest import Database
from tests.deployment import settings_of
from tests.integration.conftest import add_user

Owner = AsyncConnection[Any]
LEFT_BEHIND: Final = "SELECT current_setting('app.user_id', true), current_setting('plan_cache_mode')"


@pytest.fixture
async def one_connection(database: Database) -> AsyncIterator[Pool]:
    """The product's pool, of one connection, which every transaction has to take."""
    settings = settings_of(database_url=database.app_url, database_pool_size=1)
    async with await open_pool(settings, AppIdentity(settings)) as pool:
        yield pool


async def left_behind(pool: Pool) -> tuple[object, ...]:
    async with pool.connection() as conn:
        row = await (await conn.execute(LEFT_BEHIND)).fetchone()
    assert row is not None
    return row


async def test_a_statement_at_once_sees_and_changes_the_rows_of_its_user_alone(
    one_connection: Pool, owner: Owner
) -> None:
    mine, other = await add_user(owner, "mine@contoso.example"), await add_user(owner, "other@contoso.example")
    sql = "UPDATE app_user SET name = %(name)s RETURNING id, name"
    hostile = "'; DROP TABLE app_user; -- \\' {} %s"
    assert await run_at_once(one_connection, mine, sql, {"name": hostile}, tuple_row) == [(mine, hostile)]
    names = await (await owner.execute("SELECT id, name FROM app_user")).fetchall()
    assert sorted(names) == sorted([(mine, hostile), (other, "")])


async def test_a_statement_at_once_that_gives_no_rows_gives_none(one_connection: Pool, owner: Owner) -> None:
    mine = await add_user(owner, "mine@contoso.example")
    sql = "UPDATE app_user SET name = 'x'"
    assert await run_at_once(one_connection, mine, sql, {}, tuple_row) == []
    assert await (await owner.execute("SELECT name FROM app_user")).fetchall() == [("x",)]


async def test_a_statement_at_once_that_fails_leaves_a_connection_that_works(
    one_connection: Pool, owner: Owner
) -> None:
    mine = await add_user(owner, "mine@contoso.example")
    with pytest.raises(psycopg.errors.DivisionByZero):
        await run_at_once(one_connection, mine, "SELECT 1 / %(zero)s", {"zero": 0}, tuple_row)
    assert await run_at_once(one_connection, mine, "SELECT %(one)s::int", {"one": 1}, tuple_row) == [(1,)]
    assert await left_behind(one_connection) == ("", "auto")


async def test_nothing_of_a_transaction_stays_on_its_connection(one_connection: Pool, owner: Owner) -> None:
    mine = await add_user(owner, "mine@contoso.example")
    async with user_transaction(one_connection, mine, plans="force_generic_plan") as conn:
        within = await (await conn.execute(LEFT_BEHIND)).fetchone()
    assert within == (str(mine), "force_generic_plan")
    assert await left_behind(one_connection) == ("", "auto")
    assert await run_at_once(one_connection, mine, LEFT_BEHIND, {}, tuple_row) == [(str(mine), "auto")]
    assert await left_behind(one_connection) == ("", "auto")
