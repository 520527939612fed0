"""Runs, lanes and pages under concurrency: at most one run, each page once, one completion."""

import asyncio
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg import AsyncConnection

from shared.models.accounts import ConnectedAccount, SyncFolder, SyncRun
from shared.models.api import SyncRunState
from shared.models.mail import folder_id_from
from shared.storage.accounts import claim_accounts_for_changes, claim_changes, finish_changes
from shared.storage.database import Pool, system_transaction, user_transaction
from shared.storage.folders import CursorMove, claim_listing, move_cursor, upsert_folders
from shared.storage.sync_pages import claim_page, count_pages, fail_page, finish_page, insert_id_pages, split_page
from shared.storage.sync_runs import (
    claim_lane,
    claim_start,
    count_free_lanes,
    ensure_run,
    finish_run,
    leave_lane,
    lock_running,
    release_lane,
    stalled_runs,
    start_run,
)
from shared.sync.pages import parts_of
from tests.integration.mail import INBOX, SENT


@pytest.fixture
async def run(pool: Pool, account: ConnectedAccount) -> SyncRun:
    """The account's first run, going, with two lanes and six messages to fetch in three pages."""
    async with user_transaction(pool, account.user_id) as conn:
        await upsert_folders(conn, account, [INBOX, SENT])
        started, _ = await ensure_run(conn, account)
        await start_run(conn, account, started.id, 2)
        folder_id = folder_id_from(account.id, INBOX.provider_folder_id)
        await insert_id_pages(conn, account, started.id, folder_id, list("abcdef"), size=2)
        return started


async def test_asking_for_a_run_many_times_at_once_begins_one(
    pool: Pool, account: ConnectedAccount, owner: AsyncConnection[Any]
) -> None:
    await owner.execute("DELETE FROM sync_run")

    async def ask() -> tuple[UUID, bool]:
        async with user_transaction(pool, account.user_id) as conn:
            found, is_new = await ensure_run(conn, account)
            return found.id, is_new

    answers = await asyncio.gather(*(ask() for _ in range(8)))
    assert len({run_id for run_id, _ in answers}) == 1
    assert sum(is_new for _, is_new in answers) == 1


async def test_a_page_is_taken_by_one_worker(pool: Pool, account: ConnectedAccount, run: SyncRun) -> None:
    async def take() -> int | None:
        async with user_transaction(pool, account.user_id) as conn:
            page = await claim_page(conn, account, run.id, 60)
            return page.id if page else None

    taken = await asyncio.gather(*(take() for _ in range(6)))
    ids = [page_id for page_id in taken if page_id is not None]
    assert len(ids) == len(set(ids)) == 3


async def test_a_dead_workers_page_is_taken_again_and_done_once(
    pool: Pool, account: ConnectedAccount, run: SyncRun
) -> None:
    async with user_transaction(pool, account.user_id) as conn:
        first = await claim_page(conn, account, run.id, -1)
    async with user_transaction(pool, account.user_id) as conn:
        second = await claim_page(conn, account, run.id, 60)
    assert first is not None
    assert second is not None
    assert first.id == second.id

    async def finish() -> bool:
        async with user_transaction(pool, account.user_id) as conn:
            return await finish_page(conn, account, second)

    assert sorted(await asyncio.gather(finish(), finish())) == [False, True]


async def test_a_page_is_split_once_into_parts_that_promise_the_same(
    pool: Pool, account: ConnectedAccount, run: SyncRun, owner: AsyncConnection[Any]
) -> None:
    async with user_transaction(pool, account.user_id) as conn:
        page = await claim_page(conn, account, run.id, 60)
        assert page is not None
        await split_page(conn, account, page, parts_of(page, 1))
        await split_page(conn, account, page, parts_of(page, 1))  # a second worker with the same page
    rows = await (await owner.execute("SELECT provider_message_ids FROM sync_page")).fetchall()
    assert sorted(ids for (ids,) in rows) == [["a"], ["b"], ["c", "d"], ["e", "f"]]


async def test_a_failing_page_is_left_after_its_last_attempt(
    pool: Pool, account: ConnectedAccount, run: SyncRun, owner: AsyncConnection[Any]
) -> None:
    for _ in range(3):
        await owner.execute("UPDATE sync_page SET leased_until = '-infinity'")
        async with user_transaction(pool, account.user_id) as conn:
            page = await claim_page(conn, account, run.id, 60)
            assert page is not None
            await fail_page(conn, account, page, error_code="provider_rejected", most_attempts=3)
    async with user_transaction(pool, account.user_id) as conn:
        counts = await count_pages(conn, account, run.id)
    assert (counts.open, counts.failed) == (2, 1)


async def test_a_run_has_no_more_workers_than_lanes(pool: Pool, account: ConnectedAccount, run: SyncRun) -> None:
    async def enter(holder: UUID) -> int | None:
        async with user_transaction(pool, account.user_id) as conn:
            return await claim_lane(conn, account, run.id, holder, 60)

    holders = [uuid4() for _ in range(5)]
    lanes = await asyncio.gather(*(enter(holder) for holder in holders))
    assert sorted(lane for lane in lanes if lane is not None) == [0, 1]
    leaver = next(holder for holder, lane in zip(holders, lanes, strict=True) if lane == 1)
    async with user_transaction(pool, account.user_id) as conn:
        await release_lane(conn, account, run.id, leaver, in_seconds=0)
    assert await enter(uuid4()) == 1


async def test_a_finished_run_has_no_lanes_to_take(pool: Pool, account: ConnectedAccount, run: SyncRun) -> None:
    async with user_transaction(pool, account.user_id) as conn:
        await finish_run(conn, account, run.id, SyncRunState.COMPLETED)
        assert await claim_lane(conn, account, run.id, uuid4(), 60) is None


async def test_of_two_listings_of_one_folder_page_one_moves_the_cursor(
    pool: Pool, account: ConnectedAccount, run: SyncRun
) -> None:
    async with user_transaction(pool, account.user_id) as conn:
        folder = await claim_listing(conn, account, 60)
    assert folder is not None
    assert folder.well_known_name == "inbox"

    async def move(read: SyncFolder, cursor: str) -> bool:
        async with user_transaction(pool, account.user_id) as conn:
            return await move_cursor(conn, account, read, cursor=cursor, listed=False) is CursorMove.MOVED

    assert sorted(await asyncio.gather(move(folder, "one"), move(folder, "two"))) == [False, True]


async def test_a_lane_that_waits_for_the_provider_looks_taken(
    pool: Pool, account: ConnectedAccount, run: SyncRun
) -> None:
    holder = uuid4()
    async with user_transaction(pool, account.user_id) as conn:
        assert await claim_lane(conn, account, run.id, holder, 60) == 0
        await release_lane(conn, account, run.id, holder, in_seconds=30)
        assert await claim_lane(conn, account, run.id, uuid4(), 60) == 1
        assert await claim_lane(conn, account, run.id, uuid4(), 60) is None


async def test_of_many_jobs_one_follows_delta_and_does_so_once_more(pool: Pool, account: ConnectedAccount) -> None:
    async def claim() -> bool:
        async with user_transaction(pool, account.user_id) as conn:
            return await claim_changes(conn, account, 60)

    assert sum(await asyncio.gather(*(claim() for _ in range(5)))) == 1
    async with user_transaction(pool, account.user_id) as conn:
        assert await finish_changes(conn, account)
    assert await claim()
    async with user_transaction(pool, account.user_id) as conn:
        assert not await finish_changes(conn, account)


async def test_the_timer_asks_for_delta_once_per_interval_even_if_nobody_answers(
    pool: Pool, account: ConnectedAccount, owner: AsyncConnection[Any]
) -> None:
    await owner.execute("UPDATE account SET state = 'live', connected_at = now() - interval '1 hour'")
    async with system_transaction(pool) as conn:
        ask = partial(claim_accounts_for_changes, conn, shortest_seconds=600, longest_seconds=1800, most=10)
        assert await ask() == [account.id]
        assert await ask() == []


async def test_a_run_is_started_by_one_job_at_a_time(pool: Pool, account: ConnectedAccount, run: SyncRun) -> None:
    async def claim() -> bool:
        async with user_transaction(pool, account.user_id) as conn:
            return await claim_start(conn, account, run.id, 60)

    assert sum(await asyncio.gather(*(claim() for _ in range(5)))) == 1


async def test_an_unfinished_run_is_found_when_all_its_lanes_are_silent(
    pool: Pool, account: ConnectedAccount, run: SyncRun, owner: AsyncConnection[Any]
) -> None:
    await owner.execute("UPDATE sync_run SET requested_at = now() - interval '1 hour'")
    async with system_transaction(pool) as conn:
        (stalled,) = await stalled_runs(conn, 10)
    assert stalled.run_id == run.id
    async with user_transaction(pool, account.user_id) as conn:
        await claim_lane(conn, account, run.id, uuid4(), 60)
    async with system_transaction(pool) as conn:
        assert await stalled_runs(conn, 10) == []


async def test_of_two_lanes_without_work_one_stays(pool: Pool, account: ConnectedAccount, run: SyncRun) -> None:
    holders = [uuid4(), uuid4()]

    async def leave(holder: UUID) -> bool:
        async with user_transaction(pool, account.user_id) as conn:
            assert await lock_running(conn, account, run.id)
            return await leave_lane(conn, account, run.id, holder)

    async with user_transaction(pool, account.user_id) as conn:
        assert [await claim_lane(conn, account, run.id, holder, 60) for holder in holders] == [0, 1]
    assert sorted(await asyncio.gather(*(leave(holder) for holder in holders))) == [False, True]
    async with user_transaction(pool, account.user_id) as conn:
        assert await count_free_lanes(conn, account, run.id) == 1
