"""The change log: in order, each once, never skipped, with waiting, and honest about what was purged."""

import asyncio
import random
import time
from typing import Any

import pytest
from psycopg import AsyncConnection

from shared.models.accounts import ConnectedAccount
from shared.models.api import ChangeKind
from shared.storage.database import Pool, user_transaction
from shared.storage.events import Event, append_events
from tests.api.conftest import SignedIn

WRITERS = 8
WRITES = 12


async def append(pool: Pool, account: ConnectedAccount, count: int = 1, *, hold_seconds: float = 0) -> None:
    events = [Event(ChangeKind.FOLDER_CHANGED, account.id, data={"number": number}) for number in range(count)]
    async with user_transaction(pool, account.user_id) as conn:
        await append_events(conn, account.user_id, events)
        await asyncio.sleep(hold_seconds)


async def changes(user: SignedIn, **params: float) -> dict[str, Any]:
    answer = await user.api.get("/changes", params=params)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_an_empty_log_stays_where_it_was_asked(user: SignedIn) -> None:
    assert await changes(user, after=0) == {"items": [], "position": 0, "has_more": False}


async def test_changes_come_in_order_and_in_pages(app_pool: Pool, account: ConnectedAccount, user: SignedIn) -> None:
    await append(app_pool, account, 5)
    first = await changes(user, after=0, limit=3)
    assert [item["position"] for item in first["items"]] == [1, 2, 3]
    assert (first["position"], first["has_more"]) == (3, True)
    rest = await changes(user, after=first["position"], limit=3)
    assert [item["data"] for item in rest["items"]] == [{"number": 3}, {"number": 4}]
    assert (rest["position"], rest["has_more"]) == (5, False)
    assert rest["items"][0]["kind"] == "folder.changed"
    assert rest["items"][0]["account_id"] == str(account.id)


async def test_no_reader_misses_a_change_while_many_write_at_once(
    app_pool: Pool, account: ConnectedAccount, user: SignedIn
) -> None:
    chance = random.Random(11)  # noqa: S311 - pauses, not secrets
    waits = [[chance.uniform(0, 0.02) for _ in range(WRITES)] for _ in range(WRITERS)]

    async def write(holds: list[float]) -> None:
        for hold in holds:
            await append(app_pool, account, chance.randint(1, 3), hold_seconds=hold)

    async def read() -> list[int]:
        seen: list[int] = []
        while not writing.done() or await newest() > len(seen):
            page = await changes(user, after=seen[-1] if seen else 0, limit=7)
            seen += [item["position"] for item in page["items"]]
        return seen

    async def newest() -> int:
        async with user_transaction(app_pool, user.id) as conn:
            row = await (await conn.execute("SELECT event_position FROM app_user")).fetchone()
            assert row is not None
            return int(row[0])

    writing = asyncio.ensure_future(asyncio.gather(*(write(holds) for holds in waits)))
    seen = await read()
    await writing
    assert seen == list(range(1, await newest() + 1))
    assert len(seen) >= WRITERS * WRITES


async def test_a_wait_ends_with_the_first_change(app_pool: Pool, account: ConnectedAccount, user: SignedIn) -> None:
    waiting = asyncio.ensure_future(changes(user, after=0, wait_seconds=20))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    started = time.monotonic()
    await append(app_pool, account)
    assert [item["position"] for item in (await waiting)["items"]] == [1]
    assert time.monotonic() - started < 5


async def test_a_wait_ends_by_itself(user: SignedIn) -> None:
    started = time.monotonic()
    assert (await changes(user, after=0, wait_seconds=1.2))["items"] == []
    assert 1 < time.monotonic() - started < 5


@pytest.mark.parametrize("purged", ["position <= 2", "position = 2", "true"])
@pytest.mark.parametrize("after", [0, 1])
async def test_a_log_that_was_purged_says_so(
    app_pool: Pool, account: ConnectedAccount, user: SignedIn, owner: AsyncConnection[Any], purged: str, after: int
) -> None:
    await append(app_pool, account, 4)
    statement = f"DELETE FROM event WHERE user_id = %s AND {purged}"  # noqa: S608 - the words above
    await owner.execute(statement.encode(), [user.id])
    answer = await user.api.get("/changes", params={"after": after})
    assert (answer.status_code, answer.json()["type"]) == (410, "/problems/changes_expired")


@pytest.mark.parametrize("newer", [0, 3])
async def test_who_followed_a_log_that_was_restored_to_an_earlier_state_begins_anew(
    app_pool: Pool, account: ConnectedAccount, user: SignedIn, owner: AsyncConnection[Any], newer: int
) -> None:
    """Past the end of the log at once; and, where positions were moved on after the restore, ever after."""
    await append(app_pool, account, 2)
    answer = await user.api.get("/changes", params={"after": 4})
    assert (answer.status_code, answer.json()["type"]) == (410, "/problems/changes_expired")
    await owner.execute("UPDATE app_user SET event_position = event_position + 1000 WHERE id = %s", [user.id])
    if newer:
        await append(app_pool, account, newer)
    for position in (2, 4, 5, 9):
        assert (await user.api.get("/changes", params={"after": position})).status_code == 410
    here = await changes(user)
    assert await changes(user, after=here["position"]) == here


async def test_who_is_beyond_what_was_purged_goes_on(
    app_pool: Pool, account: ConnectedAccount, user: SignedIn, owner: AsyncConnection[Any]
) -> None:
    await append(app_pool, account, 4)
    await owner.execute("DELETE FROM event WHERE user_id = %s AND position <= 2", [user.id])
    assert [item["position"] for item in (await changes(user, after=2))["items"]] == [3, 4]
    assert (await changes(user, after=4))["items"] == []


async def test_who_begins_learns_where_the_log_ends_even_when_it_was_purged(
    app_pool: Pool, account: ConnectedAccount, user: SignedIn, owner: AsyncConnection[Any]
) -> None:
    assert await changes(user) == {"items": [], "position": 0, "has_more": False}
    await append(app_pool, account, 4)
    await owner.execute("DELETE FROM event WHERE user_id = %s", [user.id])
    assert await changes(user, wait_seconds=20) == {"items": [], "position": 4, "has_more": False}
    await append(app_pool, account)
    assert [item["position"] for item in (await changes(user, after=4))["items"]] == [5]
