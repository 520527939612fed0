"""Lanes: a few jobs per account that list folders and fetch pages, turn after turn, until a run is done."""

import asyncio
import logging
import traceback
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid4

import psycopg

from shared.errors import (
    AdminConsentRequired,
    MailboxUnavailable,
    MailError,
    ProviderMisconfigured,
    ProviderUnavailable,
    ReauthenticationRequired,
    Throttled,
)
from shared.jobs import Later
from shared.models.accounts import ConnectedAccount, SyncFolder, SyncPage, Urgency
from shared.models.jobs import SyncLane
from shared.providers.protocol import MailProvider
from shared.storage.database import Connection, user_transaction
from shared.storage.folders import claim_listing, release_listing, seconds_until_listing
from shared.storage.request_slots import SHORT_PATIENCE_SECONDS
from shared.storage.sync_pages import claim_page, fail_page, release_page
from shared.storage.sync_runs import claim_lane, leave_lane, lock_running, release_lane, renew_lane
from shared.sync.crowd import Place
from shared.sync.engine import Engine
from shared.sync.fetching import fetch_page
from shared.sync.listing import helping_lanes, list_folder_page
from shared.sync.patience import later_after
from shared.sync.runs import LISTING_LANES, finish_if_done

log = logging.getLogger(__name__)
MOST_ATTEMPTS: Final = 6
IDLE_LOOKS: Final = 10
IDLE_SECONDS: Final = 0.2
LONGEST_WAIT_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class _Lane:
    run_id: UUID
    number: int
    holder: UUID
    place: Place


@dataclass(frozen=True, slots=True)
class _Work:
    listing: SyncFolder | None = None
    page: SyncPage | None = None


async def work_lane(engine: Engine, account: ConnectedAccount, job: SyncLane) -> list[Later]:
    """
    Work in a free lane of a run for one turn; return its successor, or what follows the run's end.

    With no lane free there are enough at work, and the job ends. A page that the provider refuses for itself is tried
    again a few times and then left failed, without holding up the others.
    """
    holder = uuid4()
    async with user_transaction(engine.pool, account.user_id) as conn:
        number = await claim_lane(conn, account, job.run_id, holder, engine.settings.page_lease_seconds)
    if number is None:
        return []
    pause_seconds = 0.0
    try:
        with engine.crowd.joined(account.id) as place:
            following = await _turn_or_later(engine, account, job, _Lane(job.run_id, number, holder, place))
        pause_seconds = max((later.delay_seconds - 1 for later in following), default=0.0)
    finally:
        async with user_transaction(engine.pool, account.user_id) as conn:
            await release_lane(conn, account, job.run_id, holder, in_seconds=max(0.0, pause_seconds))
    return following


async def _turn_or_later(engine: Engine, account: ConnectedAccount, job: SyncLane, lane: _Lane) -> list[Later]:
    try:
        return await _take_turn(engine, account, job, lane)
    except ProviderUnavailable as exc:
        return [later_after(job, exc)]


async def _take_turn(engine: Engine, account: ConnectedAccount, job: SyncLane, lane: _Lane) -> list[Later]:
    loop = asyncio.get_running_loop()
    turn_ends = loop.time() + engine.settings.lane_seconds
    provider = engine.provider_for(account, Urgency.BACKFILL)
    idle = 0
    while loop.time() < turn_ends and idle < IDLE_LOOKS:
        if await _make_room(engine, account, lane):
            return []
        async with user_transaction(engine.pool, account.user_id) as conn:
            if not await renew_lane(conn, account, job.run_id, lane.holder, engine.settings.page_lease_seconds):
                return []
            work = await _claim(engine, conn, account, lane)
        if work is None:
            if (following := await finish_if_done(engine, account, job.run_id)) is not None:
                return following
            if await _leave(engine, account, lane):
                return []
            idle += 1
            await asyncio.sleep(IDLE_SECONDS)
            continue
        idle = 0
        try:
            await engine.jobs.send(await _do(engine, account, provider, work, failures=job.failures))
        except Throttled as exc:
            if (exc.retry_after_seconds or SHORT_PATIENCE_SECONDS) >= SHORT_PATIENCE_SECONDS:
                raise
    return await _successors(engine, account, job)


async def _make_room(engine: Engine, account: ConnectedAccount, lane: _Lane) -> bool:
    """
    Leave when other mailboxes need this process, and enough lanes stay; return whether the lane was left.

    When the others have gone, those who stayed call for help.
    """
    if lane.place.is_spare():
        return await _leave(engine, account, lane)
    if lane.place.is_alone_again():
        async with user_transaction(engine.pool, account.user_id) as conn:
            helpers = await helping_lanes(engine, conn, account, lane.run_id)
        await engine.jobs.send(helpers)
    return False


async def _leave(engine: Engine, account: ConnectedAccount, lane: _Lane) -> bool:
    """Go when others are at work, who call for help when there is more to do than they can; one stays to the end."""
    async with user_transaction(engine.pool, account.user_id) as conn:
        return await lock_running(conn, account, lane.run_id) and await leave_lane(
            conn, account, lane.run_id, lane.holder
        )


async def _successors(engine: Engine, account: ConnectedAccount, job: SyncLane) -> list[Later]:
    """Go on at once, unless all that is left to list has to wait; with help, if others were lost."""
    async with user_transaction(engine.pool, account.user_id) as conn:
        wait_seconds = await seconds_until_listing(conn, account)
        helpers = await helping_lanes(engine, conn, account, job.run_id)
    return [Later(job, delay_seconds=min(wait_seconds, LONGEST_WAIT_SECONDS)), *helpers]


async def _claim(engine: Engine, conn: Connection, account: ConnectedAccount, lane: _Lane) -> _Work | None:
    """Take a page, or a folder to list; a few lanes look for folders first, so that there are always pages."""
    lease_seconds = engine.settings.page_lease_seconds
    lists_first = lane.number < (1 if engine.crowd.has_others(account.id) else LISTING_LANES)
    if lists_first and (listing := await claim_listing(conn, account, lease_seconds)):
        return _Work(listing=listing)
    if page := await claim_page(conn, account, lane.run_id, lease_seconds):
        return _Work(page=page)
    if not lists_first and (listing := await claim_listing(conn, account, lease_seconds)):
        return _Work(listing=listing)
    return None


async def _do(
    engine: Engine, account: ConnectedAccount, provider: MailProvider, work: _Work, *, failures: int
) -> list[Later]:
    """Do a piece of work; give it back when somebody else can do it better later."""
    try:
        if work.listing:
            return await list_folder_page(engine, account, provider, work.listing, failures=failures)
        if work.page:
            return await fetch_page(engine, account, provider, work.page)
    except (
        ProviderUnavailable,
        ReauthenticationRequired,
        AdminConsentRequired,
        MailboxUnavailable,
        ProviderMisconfigured,
    ):
        await _give_back(engine, account, work)
        raise
    except (psycopg.Error, asyncio.CancelledError):
        raise
    except Exception as exc:
        if work.page is None:
            await _give_back(engine, account, work)
            raise
        await _count_failure(engine, account, work.page, exc)
    return []


async def _give_back(engine: Engine, account: ConnectedAccount, work: _Work) -> None:
    async with user_transaction(engine.pool, account.user_id) as conn:
        if work.listing:
            await release_listing(conn, account, work.listing)
        if work.page:
            await release_page(conn, account, work.page)


async def _count_failure(engine: Engine, account: ConnectedAccount, page: SyncPage, error: Exception) -> None:
    code = error.code if isinstance(error, MailError) else type(error).__name__
    stack = "".join(traceback.format_tb(error.__traceback__))  # without the message, which may quote mail
    log.error("page failed", extra={"page_id": page.id, "error_code": code, "stack": stack})
    async with user_transaction(engine.pool, account.user_id) as conn:
        await fail_page(conn, account, page, error_code=code, most_attempts=MOST_ATTEMPTS)
