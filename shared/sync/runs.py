"""Sync runs: asked for, started, finished."""

import logging
from typing import TYPE_CHECKING, Final
from uuid import UUID

from shared.errors import Conflict, ReauthenticationRequired
from shared.jobs import Later
from shared.models.accounts import ConnectedAccount, SyncRun, Urgency
from shared.models.api import AccountState, ChangeKind, SyncRunState
from shared.models.jobs import EnsureSubscription, IndexMessages, StartSync, SyncChanges, SyncLane
from shared.storage.accounts import change_account_state, get_account
from shared.storage.database import Pool, user_transaction
from shared.storage.events import Event
from shared.storage.folders import count_listing_folders, restart_listing
from shared.storage.sync_pages import count_pages, retry_failed_pages
from shared.storage.sync_runs import (
    claim_start,
    ensure_run,
    finish_run,
    lock_running,
    newest_run,
    reopen_run,
    start_run,
)
from shared.sync.engine import WORKING_STATES, Engine, recorded_transaction
from shared.sync.folders import name_folders, refresh_folders

if TYPE_CHECKING:
    from shared.job_queues import JobQueues

log = logging.getLogger(__name__)
LISTING_LANES: Final = 2  # which begin a run, and look for folders first


async def request_sync(pool: Pool, jobs: "JobQueues", user_id: UUID, account_id: UUID) -> SyncRun:
    """
    Have every folder of an account enumerated and every message that differs fetched; return the run.

    While a run is unfinished, asking again changes nothing. Raises NotFound, ReauthenticationRequired when the
    account's owner must sign in first, Conflict when the account is disconnected or suspended.
    """
    async with user_transaction(pool, user_id) as conn:
        account = await get_account(conn, user_id, account_id)
        if account.state is AccountState.NEEDS_SIGN_IN:
            raise ReauthenticationRequired(f"account {account_id}")
        if account.state not in WORKING_STATES:
            raise Conflict(f"account {account_id} is {account.state}")
        run, is_new = await ensure_run(conn, account)
        if is_new:
            await restart_listing(conn, account, None)
    if run.state is SyncRunState.STARTING:
        await jobs.send([Later(StartSync(account_id=account_id, run_id=run.id))])
    return run


async def retry_failed(pool: Pool, jobs: "JobQueues", user_id: UUID, account_id: UUID, *, lanes: int) -> int:
    """Try the failed pages of an account's newest run again; return how many. Raises NotFound."""
    async with user_transaction(pool, user_id) as conn:
        account = await get_account(conn, user_id, account_id)
        run = await newest_run(conn, account)
        if run is None:
            return 0
        pages = await retry_failed_pages(conn, account, run.id)
        if pages:
            await reopen_run(conn, account, run.id)
    if pages:
        await jobs.send([Later(SyncLane(account_id=account_id, run_id=run.id))] * lanes)
    return pages


async def start_sync(engine: Engine, account: ConnectedAccount, job: StartSync) -> list[Later]:
    """
    Read the folder tree and set the run's lanes going; then ask for all well-known names, which takes longer.

    Once in a while at most: when it fails, and its worker dies or the provider is down, the sweep asks again.
    """
    async with user_transaction(engine.pool, account.user_id) as conn:
        if not await claim_start(conn, account, job.run_id, engine.settings.page_lease_seconds):
            return []
    with engine.crowd.joined(account.id):
        await refresh_folders(engine, account, engine.provider_for(account, Urgency.LIVE), in_haste=True)
        async with recorded_transaction(engine, account) as (conn, events):
            if await start_run(conn, account, job.run_id, engine.settings.sync_lanes):
                events.append(Event(ChangeKind.SYNC_STARTED, account.id))
            if account.state is AccountState.CONNECTING:
                await change_account_state(conn, account, AccountState.SYNCING)
                events.append(Event(ChangeKind.ACCOUNT_CHANGED, account.id))
    lane = Later(SyncLane(account_id=account.id, run_id=job.run_id))
    lanes = min(LISTING_LANES, engine.settings.sync_lanes)  # which call for others when there is work for them
    await engine.jobs.send([Later(EnsureSubscription(account_id=account.id)), *[lane] * lanes])
    await name_folders(engine, account, engine.provider_for(account, Urgency.BACKFILL))
    return []


async def finish_if_done(engine: Engine, account: ConnectedAccount, run_id: UUID) -> list[Later] | None:
    """
    Finish a run that has nothing left to list or fetch, exactly once; return what follows it.

    None: it is not done. Listings are counted before pages: the last page of a listing is recorded in the transaction
    that ends it.
    """
    async with recorded_transaction(engine, account) as (conn, events):
        if not await lock_running(conn, account, run_id):
            return []
        if await count_listing_folders(conn, account):
            return None
        pages = await count_pages(conn, account, run_id)
        if pages.open:
            return None
        state = SyncRunState.INCOMPLETE if pages.failed else SyncRunState.COMPLETED
        await finish_run(conn, account, run_id, state)
        if account.state is not AccountState.LIVE:
            await change_account_state(conn, account, AccountState.LIVE)
            events.append(Event(ChangeKind.ACCOUNT_CHANGED, account.id))
        events.append(Event(ChangeKind.SYNC_COMPLETED, account.id, data={"state": state.value}))
    log.info("sync run finished", extra={"run_id": str(run_id), "state": state.value, "failed_pages": pages.failed})
    return [
        Later(SyncChanges(account_id=account.id)),
        *[Later(IndexMessages(account_id=account.id))] * 2,
    ]
