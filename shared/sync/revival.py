"""Accounts that an administrator has to bring back: visited now and then, until their mailbox is open again."""

import logging
from typing import Final

from shared.jobs import Later
from shared.models.accounts import ConnectedAccount, Urgency
from shared.models.api import AccountState, ChangeKind, SyncRunState
from shared.models.jobs import EnsureSubscription, ReviveAccount, StartSync
from shared.storage.accounts import VISITED_STATES, accounts_due_for_visit, change_account_state
from shared.storage.database import system_transaction
from shared.storage.events import Event
from shared.storage.folders import restart_listing
from shared.storage.sync_runs import ensure_run
from shared.sync.engine import Engine, recorded_transaction

log = logging.getLogger(__name__)
CLAIMED_AT_ONCE: Final = 1_000


async def request_visits(engine: Engine) -> None:
    """Have the stopped accounts visited that are due: after an hour, then half as often each time, at least daily."""
    while True:
        async with system_transaction(engine.pool) as conn:
            due = await accounts_due_for_visit(conn, CLAIMED_AT_ONCE)
        await engine.jobs.send(Later(ReviveAccount(account_id=account_id)) for account_id in due)
        if len(due) < CLAIMED_AT_ONCE:
            return


async def revive_account(engine: Engine, account: ConnectedAccount, job: ReviveAccount) -> list[Later]:
    """
    Set an account going when its provider lists its folders; a refusal leaves it as it is.

    Everything is compared then, because changes were missed: every folder is enumerated again, and delta follows.
    """
    if account.state not in VISITED_STATES:
        return []
    await engine.provider_for(account, Urgency.LIVE).list_folders()
    async with recorded_transaction(engine, account) as (conn, events):
        if not await change_account_state(conn, account, AccountState.SYNCING):
            return []
        run, is_new = await ensure_run(conn, account)
        if is_new:
            await restart_listing(conn, account, None)
        events.append(Event(ChangeKind.ACCOUNT_CHANGED, account.id))
    log.info("account revived", extra={"account_id": str(account.id), "kind": job.kind})
    following = [Later(EnsureSubscription(account_id=account.id, renew_now=True))]
    if run.state is SyncRunState.STARTING:  # else its lanes are silent, and the sweep sets them going
        following.append(Later(StartSync(account_id=account.id, run_id=run.id)))
    return following
