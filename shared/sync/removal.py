"""Disconnecting an account, and removing what was mirrored of it."""

import asyncio
from typing import TYPE_CHECKING, Final
from uuid import UUID

from shared.jobs import Later
from shared.models.accounts import ConnectedAccount
from shared.models.api import AccountState, ChangeKind
from shared.models.jobs import RemoveAccount
from shared.storage.accounts import change_account_state, delete_account, get_account
from shared.storage.database import Pool, user_transaction
from shared.storage.events import Event, append_events
from shared.storage.messages import delete_some_messages
from shared.storage.sync_runs import cancel_runs
from shared.sync.engine import Engine, recorded_transaction
from shared.sync.subscriptions import end_subscriptions

if TYPE_CHECKING:
    from shared.job_queues import JobQueues

DELETED_AT_ONCE: Final = 500


async def disconnect(pool: Pool, jobs: "JobQueues", user_id: UUID, account_id: UUID) -> None:
    """
    Stop mirroring an account at once and have everything of it removed. Raises NotFound.

    The mailbox itself is not touched.
    """
    async with user_transaction(pool, user_id) as conn:
        account = await get_account(conn, user_id, account_id)
        if await change_account_state(conn, account, AccountState.DISCONNECTED):
            await cancel_runs(conn, account)
            await append_events(conn, user_id, [Event(ChangeKind.ACCOUNT_CHANGED, account_id)])
    await jobs.send([Later(RemoveAccount(account_id=account_id))])


async def remove_account(engine: Engine, account: ConnectedAccount, job: RemoveAccount) -> list[Later]:
    """End a disconnected account's subscription and delete its rows, for one turn; return the successor if needed."""
    if account.state is not AccountState.DISCONNECTED:
        return []
    await end_subscriptions(engine, account)
    turn_ends = asyncio.get_running_loop().time() + engine.settings.lane_seconds
    while asyncio.get_running_loop().time() < turn_ends:
        async with user_transaction(engine.pool, account.user_id) as conn:
            deleted = await delete_some_messages(conn, account.user_id, account.id, DELETED_AT_ONCE)
        if deleted == 0:
            async with recorded_transaction(engine, account) as (conn, events):
                await delete_account(conn, account.user_id, account.id)
                events.append(Event(ChangeKind.ACCOUNT_REMOVED, account.id))
            return []
    return [Later(job)]
