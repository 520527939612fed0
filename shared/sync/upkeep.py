"""What timers keep in order: jobs that were lost, rows past their time, messages not yet indexed."""

import logging
from typing import Final

from shared.jobs import Later
from shared.models.api import SyncRunState
from shared.models.jobs import IndexMessages, RemoveAccount, StartSync, SyncLane
from shared.storage.accounts import accounts_to_remove
from shared.storage.database import system_transaction
from shared.storage.retention import purge_expired
from shared.storage.search import accounts_with_search_backlog
from shared.storage.sync_runs import StalledRun, stalled_runs
from shared.sync.engine import Engine

log = logging.getLogger(__name__)
SILENT_SECONDS: Final = 10.0
TOMBSTONE_DAYS: Final = 2


async def sweep(engine: Engine) -> None:
    """Send again the jobs of what is unfinished and silent: they were never sent, or their worker died."""
    async with system_transaction(engine.pool) as conn:
        stalled = await stalled_runs(conn, SILENT_SECONDS)
        leftover = await accounts_to_remove(conn)
        unindexed = await accounts_with_search_backlog(conn)
    jobs = [_job_of(run) for run in stalled]
    jobs += [Later(RemoveAccount(account_id=account_id)) for account_id in leftover]
    jobs += [Later(IndexMessages(account_id=account_id)) for account_id in unindexed]
    if stalled:
        log.info("stalled runs found", extra={"runs": len(stalled), "jobs": len(jobs)})
    await engine.jobs.send(jobs)


def _job_of(run: StalledRun) -> Later:
    """Send one, whatever is left to do: a lane calls for more where there is work for them."""
    if run.state is SyncRunState.STARTING:
        return Later(StartSync(account_id=run.account_id, run_id=run.run_id))
    return Later(SyncLane(account_id=run.account_id, run_id=run.run_id))


async def purge(engine: Engine) -> None:
    """Delete tombstones, events and sessions that are past their time."""
    async with system_transaction(engine.pool) as conn:
        rows = await purge_expired(conn, event_days=engine.settings.event_retention_days, tombstone_days=TOMBSTONE_DAYS)
    log.info("expired rows purged", extra={"rows": rows})
