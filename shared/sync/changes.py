"""Following delta through every folder of an account: what makes the mirror right, whatever notifications did."""

import asyncio
import logging
from typing import Final

from shared.errors import CursorExpired, ProviderItemNotFound, ProviderUnavailable
from shared.jobs import Later
from shared.models.accounts import ConnectedAccount, SyncFolder, Urgency
from shared.models.jobs import StartSync, SyncChanges
from shared.models.mail import ChangePage
from shared.providers.protocol import MailProvider
from shared.storage.accounts import accounts_due_for_changes, claim_changes, finish_changes, hold_changes
from shared.storage.database import system_transaction, user_transaction
from shared.storage.folders import current_folders, move_cursor, restart_listing
from shared.storage.messages import stored_messages
from shared.storage.sync_runs import ensure_run
from shared.sync.answers import settle
from shared.sync.engine import Engine
from shared.sync.folders import refresh_folders
from shared.sync.patience import later_after

log = logging.getLogger(__name__)
CHANGES_PER_PAGE: Final = 200


async def request_changes(engine: Engine) -> None:
    """Have every account follow its cursors that has not for a while."""
    async with system_transaction(engine.pool) as conn:
        due = await accounts_due_for_changes(conn, engine.settings.changes_interval_seconds)
    await engine.jobs.send(Later(SyncChanges(account_id=account_id)) for account_id in due)


async def sync_changes(engine: Engine, account: ConnectedAccount, job: SyncChanges) -> list[Later]:
    """
    Bring every listed folder up to date, for one turn; return the successor if the turn was too short.

    One job at a time does so. Another that comes meanwhile ends, and has this one go through it once more.
    """
    async with user_transaction(engine.pool, account.user_id) as conn:
        if not await claim_changes(conn, account, engine.settings.page_lease_seconds):
            return []
    pause_seconds = 0.0
    try:
        return await _take_turn(engine, account, job)
    except ProviderUnavailable as exc:
        again = later_after(job, exc)
        pause_seconds = again.delay_seconds - 1
        return [again]
    finally:
        async with user_transaction(engine.pool, account.user_id) as conn:
            await hold_changes(conn, account, pause_seconds)


async def _take_turn(engine: Engine, account: ConnectedAccount, job: SyncChanges) -> list[Later]:
    turn_ends = asyncio.get_running_loop().time() + engine.settings.lane_seconds
    provider = engine.provider_for(account, Urgency.LIVE)
    jobs = await refresh_folders(engine, account, provider)
    async with user_transaction(engine.pool, account.user_id) as conn:
        folders = await current_folders(conn, account)
    for folder in folders:
        if asyncio.get_running_loop().time() > turn_ends:
            return [*jobs, Later(job)]
        jobs += await _follow(engine, account, provider, folder)
    async with user_transaction(engine.pool, account.user_id) as conn:
        is_wanted_again = await finish_changes(conn, account)
    return [*jobs, Later(job)] if is_wanted_again else jobs


async def _follow(engine: Engine, account: ConnectedAccount, provider: MailProvider, folder: SyncFolder) -> list[Later]:
    """Follow one folder's cursor to its end."""
    jobs: list[Later] = []
    cursor = folder.cursor
    while True:
        at = SyncFolder(folder.id, folder.provider_folder_id, folder.well_known_name, cursor, folder.listing_round)
        async with user_transaction(engine.pool, account.user_id) as conn:
            await hold_changes(conn, account, engine.settings.page_lease_seconds)
        try:
            page = await provider.changes(at.provider_folder_id, at.cursor, page_messages=CHANGES_PER_PAGE)
        except CursorExpired:
            return jobs + await _list_again(engine, account, at)
        except ProviderItemNotFound:
            return jobs + await refresh_folders(engine, account, provider)
        jobs += await settle(engine, account, provider, await _unsettled(engine, account, at, page))
        async with user_transaction(engine.pool, account.user_id) as conn:
            moved = await move_cursor(conn, account, at, cursor=page.cursor, listed=not page.has_more)
        if not moved or not page.has_more:
            return jobs
        cursor = page.cursor


async def _list_again(engine: Engine, account: ConnectedAccount, folder: SyncFolder) -> list[Later]:
    """Enumerate one folder anew, because the provider forgot our cursor."""
    log.warning("cursor expired", extra={"folder_id": str(folder.id)})
    async with user_transaction(engine.pool, account.user_id) as conn:
        await restart_listing(conn, account, [folder.id])
        run, _ = await ensure_run(conn, account)
    return [Later(StartSync(account_id=account.id, run_id=run.id))]


async def _unsettled(engine: Engine, account: ConnectedAccount, folder: SyncFolder, page: ChangePage) -> list[str]:
    """
    Tell which messages of a page must be fetched to know their state.

    Those listed in another version or place than the stored, and those removed, unless the stored is known to be in
    another folder: a removed message may have moved.
    """
    named = {item.provider_message_id: item.change_key for item in page.listed}
    async with user_transaction(engine.pool, account.user_id) as conn:
        stored = await stored_messages(conn, account, [*named, *page.removed_ids])
    changed = [
        provider_id
        for provider_id, change_key in named.items()
        if not (row := stored.get(provider_id))
        or row.is_deleted
        or row.folder_id != folder.id
        or row.change_key != change_key
    ]
    removed = [
        provider_id
        for provider_id in page.removed_ids
        if provider_id not in named
        and (not (row := stored.get(provider_id)) or (not row.is_deleted and row.folder_id == folder.id))
    ]
    return changed + removed
