"""Lanes of a mailbox in a process that works for other mailboxes too."""

from contextlib import ExitStack
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from shared.jobs import Later
from shared.models.jobs import StartSync, SyncLane
from shared.storage.database import user_transaction
from shared.storage.folders import count_listing_folders
from shared.storage.sync_runs import claim_lane, count_free_lanes
from shared.sync.crowd import LINGER_SECONDS, MOST_BESIDE_OTHERS, Crowd
from tests.integration.mirrored.mirror import Mirror, with_settings

ONE_PIECE_OF_WORK = 0.001  # seconds of a turn, which ends after the first


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
async def run_id(mirror: Mirror) -> UUID:
    """The run of a mailbox of forty messages in pages of four, started."""
    mirror.admin.make_synthetic(mirror.address, 40, folders=["inbox"], seed=3)
    mirror.engine = with_settings(mirror.engine, sync_page_messages=4)
    ((run_id,),) = await mirror.query("SELECT id FROM sync_run")
    await mirror.run(StartSync(account_id=mirror.account.id, run_id=run_id))
    mirror.jobs.take()
    mirror.doorstep.reset()
    return UUID(str(run_id))


async def free_lanes(mirror: Mirror, run_id: UUID) -> int:
    async with user_transaction(mirror.engine.pool, mirror.account.user_id) as conn:
        return await count_free_lanes(conn, mirror.account, run_id)


async def list_all(mirror: Mirror, run_id: UUID) -> None:
    """Work piece by piece until only pages are left."""
    fetching = mirror.engine
    mirror.engine = with_settings(fetching, lane_seconds=ONE_PIECE_OF_WORK)
    is_listing = True
    while is_listing:
        await mirror.run(SyncLane(account_id=mirror.account.id, run_id=run_id))
        async with user_transaction(mirror.engine.pool, mirror.account.user_id) as conn:
            is_listing = await count_listing_folders(conn, mirror.account) > 0
    mirror.engine = fetching
    mirror.jobs.take()
    mirror.doorstep.reset()


async def test_a_mailbox_is_among_those_at_work_from_its_beginning(mirror: Mirror) -> None:
    others: list[bool] = []

    async def look() -> None:
        others.append(mirror.engine.crowd.has_others(uuid4()))

    mirror.doorstep.before[1] = look
    await mirror.sync()
    assert others == [True]


async def test_a_lane_too_many_leaves_at_once(mirror: Mirror, run_id: UUID) -> None:
    async with user_transaction(mirror.engine.pool, mirror.account.user_id) as conn:
        assert await claim_lane(conn, mirror.account, run_id, uuid4(), 60) is not None
    free = await free_lanes(mirror, run_id)
    with ExitStack() as at_work:
        for account_id in (uuid4(), *[mirror.account.id] * MOST_BESIDE_OTHERS):
            at_work.enter_context(mirror.engine.crowd.joined(account_id))
        await mirror.run(SyncLane(account_id=mirror.account.id, run_id=run_id))
    assert mirror.doorstep.requests == 0
    assert mirror.jobs.take() == []
    assert await free_lanes(mirror, run_id) == free


async def test_a_lane_too_many_stays_when_nobody_else_holds_one(mirror: Mirror, run_id: UUID) -> None:
    with ExitStack() as at_work:
        for account_id in (uuid4(), *[mirror.account.id] * MOST_BESIDE_OTHERS):
            at_work.enter_context(mirror.engine.crowd.joined(account_id))
        await mirror.run(SyncLane(account_id=mirror.account.id, run_id=run_id))
    assert mirror.prove().holds


async def test_beside_others_a_listing_calls_for_no_more_lanes_than_have_room(mirror: Mirror, run_id: UUID) -> None:
    mirror.engine = with_settings(mirror.engine, lane_seconds=ONE_PIECE_OF_WORK)
    lane = SyncLane(account_id=mirror.account.id, run_id=run_id)
    with mirror.engine.crowd.joined(uuid4()):
        await mirror.run(lane)
    planned = len(await mirror.query("SELECT id FROM sync_page"))
    by_the_listing, by_the_end_of_the_turn = MOST_BESIDE_OTHERS - 1, MOST_BESIDE_OTHERS - 1
    assert planned > by_the_listing
    assert mirror.jobs.take(SyncLane) == [Later(lane)] * (by_the_listing + by_the_end_of_the_turn + 1)


async def test_beside_others_the_second_lane_fetches_what_the_first_has_listed(mirror: Mirror, run_id: UUID) -> None:
    mirror.engine = with_settings(mirror.engine, lane_seconds=ONE_PIECE_OF_WORK)
    lane = SyncLane(account_id=mirror.account.id, run_id=run_id)
    await mirror.run(lane)
    async with user_transaction(mirror.engine.pool, mirror.account.user_id) as conn:
        assert await claim_lane(conn, mirror.account, run_id, uuid4(), 60) == 0
        assert await count_listing_folders(conn, mirror.account) > 0
    with mirror.engine.crowd.joined(uuid4()):
        await mirror.run(lane)
    assert len(await mirror.query("SELECT id FROM sync_page WHERE state = 'done'")) == 1


async def test_lanes_are_called_back_when_the_others_have_gone(mirror: Mirror, run_id: UUID) -> None:
    clock = Clock()
    await list_all(mirror, run_id)
    mirror.engine = replace(mirror.engine, crowd=Crowd(clock))
    waiting = len(await mirror.query("SELECT id FROM sync_page WHERE state <> 'done'"))
    free = await free_lanes(mirror, run_id)
    lane = SyncLane(account_id=mirror.account.id, run_id=run_id)
    with ExitStack() as others:
        others.enter_context(mirror.engine.crowd.joined(uuid4()))

        async def leave() -> None:
            others.close()
            clock.seconds += 2 * LINGER_SECONDS

        mirror.doorstep.before[1] = leave
        await mirror.run(lane)
    fetched, held = 1, 1
    assert mirror.jobs.take(SyncLane) == [Later(lane)] * min(waiting - fetched, free - held)
    assert mirror.prove().holds
