"""Following delta through an account's folders: what makes the mirror right, whatever notifications did."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from shared.errors import CursorExpired, ProviderItemNotFound, ProviderUnavailable
from shared.jobs import Later
from shared.models.accounts import ConnectedAccount, SyncFolder, Urgency
from shared.models.jobs import EnsureSubscription, StartSync, SyncChanges
from shared.models.mail import ChangePage, message_id_from
from shared.providers.protocol import MailProvider
from shared.storage.accounts import (
    claim_accounts_for_changes,
    claim_changes,
    count_unannounced,
    finish_changes,
    hold_changes,
)
from shared.storage.database import Connection, database_time, system_transaction, user_transaction
from shared.storage.folder_visits import begin_visit, counts_disagree, due_folders, end_visit, mark_folders_due
from shared.storage.folders import CursorMove, give_up_round, move_cursor, restart_listing
from shared.storage.messages import stored_messages
from shared.storage.sync_runs import ensure_run
from shared.sync.answers import settle
from shared.sync.engine import Engine
from shared.sync.folders import refresh_folders
from shared.sync.patience import later_after
from shared.telemetry import CHANGES_UNANNOUNCED, record

log = logging.getLogger(__name__)
CHANGES_PER_PAGE: Final = 200
CLAIMED_AT_ONCE: Final = 1000
ROUND_SECONDS: Final = 200.0


async def request_changes(engine: Engine) -> None:
    """Have delta followed in every account of which a folder is due; what a crash leaves unsent is due again later."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + ROUND_SECONDS
    while loop.time() < ends:
        async with system_transaction(engine.pool) as conn:
            due = await claim_accounts_for_changes(
                conn,
                shortest_seconds=engine.settings.changes_interval_seconds,
                longest_seconds=engine.settings.changes_longest_seconds,
                most=CLAIMED_AT_ONCE,
            )
        await engine.jobs.send(Later(SyncChanges(account_id=account_id)) for account_id in due)
        if len(due) < CLAIMED_AT_ONCE:
            break


async def sync_changes(engine: Engine, account: ConnectedAccount, job: SyncChanges) -> list[Later]:
    """
    Bring the folders that are due up to date, for one turn; return the successor if the turn was too short.

    One job at a time does so. Another that comes meanwhile ends, and has this one look once more. That notifications
    may have been lost is written to the folders first, so that it is not forgotten with the job.
    """
    async with user_transaction(engine.pool, account.user_id) as conn:
        if job.is_thorough:
            await mark_folders_due(conn, account)
        if not await claim_changes(conn, account, engine.settings.page_lease_seconds):
            return []
    pause_seconds = 0.0
    try:
        return await _take_turn(engine, account)
    except ProviderUnavailable as exc:
        again = later_after(job.model_copy(update={"is_thorough": False}), exc)  # the folders know it by now
        pause_seconds = again.delay_seconds - 1
        return [again]
    finally:
        async with user_transaction(engine.pool, account.user_id) as conn:
            await hold_changes(conn, account, pause_seconds)


async def _take_turn(engine: Engine, account: ConnectedAccount) -> list[Later]:
    turn_ends = asyncio.get_running_loop().time() + engine.settings.lane_seconds
    provider = engine.provider_for(account, Urgency.LIVE)
    again = Later(SyncChanges(account_id=account.id))
    jobs = await refresh_folders(engine, account, provider)
    async with user_transaction(engine.pool, account.user_id) as conn:
        folders = await due_folders(conn, account)
    unannounced = 0
    for folder in folders:
        if asyncio.get_running_loop().time() > turn_ends:
            return [*jobs, again, *_after_gap(account, unannounced)]
        visit = _Visit(engine, account, provider, turn_ends)
        await visit.follow(folder)
        jobs += visit.jobs
        unannounced += visit.unannounced
    async with user_transaction(engine.pool, account.user_id) as conn:
        is_wanted_again = await finish_changes(conn, account)
    return [*jobs, *_after_gap(account, unannounced), *([again] if is_wanted_again else [])]


def _after_gap(account: ConnectedAccount, unannounced: int) -> list[Later]:
    """Look after the subscription, and into every folder, when the provider was silent about changes."""
    if not unannounced:
        return []
    log.warning("changes were not announced", extra={"account_id": str(account.id), "changes": unannounced})
    record(CHANGES_UNANNOUNCED, unannounced)
    return [
        Later(EnsureSubscription(account_id=account.id, renew_now=True)),
        Later(SyncChanges(account_id=account.id, is_thorough=True)),
    ]


class _Visit:
    """One folder's cursor, followed to its end or the turn's."""

    def __init__(self, engine: Engine, account: ConnectedAccount, provider: MailProvider, turn_ends: float) -> None:
        self._engine, self._account, self._provider, self._turn_ends = engine, account, provider, turn_ends
        self._found_changes = False
        self.jobs: list[Later] = []
        self.unannounced = 0

    async def follow(self, folder: SyncFolder) -> None:
        """Carry over page after page; a visit that does not come to its end leaves the folder due."""
        try:
            await self._follow(folder)
        except ProviderUnavailable:
            await self._hold(folder, 0)
            raise

    async def _follow(self, folder: SyncFolder) -> None:
        at = folder
        while await self._is_in_time(at):
            try:
                page = await self._provider.changes(at.provider_folder_id, at.cursor, page_messages=CHANGES_PER_PAGE)
            except CursorExpired:
                await self._list_again(at, "cursor expired")
                return
            except ProviderItemNotFound:
                self.jobs += await refresh_folders(self._engine, self._account, self._provider)
                return
            await self._carry_over(at, page)
            async with user_transaction(self._engine.pool, self._account.user_id) as conn:
                move = await move_cursor(conn, self._account, at, cursor=page.cursor, listed=not page.has_more)
                if move is CursorMove.MOVED and not page.has_more:
                    await self._end(conn, at)
            if move is CursorMove.STALE or not page.has_more:
                break
            if move is CursorMove.ENDLESS:
                await self._list_again(at, "a round of changes without an end")
                return
            at = replace(at, cursor=page.cursor)
        else:
            self.jobs.append(Later(SyncChanges(account_id=self._account.id)))
            return
        if move is CursorMove.MOVED:
            await self._compare_counts(at)

    async def _is_in_time(self, folder: SyncFolder) -> bool:
        is_in_time = asyncio.get_running_loop().time() <= self._turn_ends
        await self._hold(folder, self._engine.settings.page_lease_seconds if is_in_time else 0)
        return is_in_time

    async def _hold(self, folder: SyncFolder, seconds: float) -> None:
        """Have others wait with the folder, or, after no seconds at all, begin with those that waited longer."""
        async with user_transaction(self._engine.pool, self._account.user_id) as conn:
            await hold_changes(conn, self._account, self._engine.settings.page_lease_seconds)
            await begin_visit(conn, self._account, folder, seconds)

    async def _carry_over(self, folder: SyncFolder, page: ChangePage) -> None:
        self._found_changes |= bool(page.listed or page.removed_ids)
        unsettled = await _unsettled(self._engine, self._account, folder, page)
        if not unsettled:
            return
        async with user_transaction(self._engine.pool, self._account.user_id) as conn:
            before = await database_time(conn)
        self.jobs += await settle(self._engine, self._account, self._provider, unsettled)
        await self._count_unannounced(unsettled, before)

    async def _count_unannounced(self, provider_message_ids: Sequence[str], before: datetime) -> None:
        ids = [message_id_from(self._account.id, provider_id) for provider_id in provider_message_ids]
        latency_seconds = self._engine.settings.notification_latency_seconds
        async with user_transaction(self._engine.pool, self._account.user_id) as conn:
            unannounced = await count_unannounced(
                conn, self._account, ids, since=before, latency_seconds=latency_seconds
            )
            if unannounced:
                await mark_folders_due(conn, self._account)
        self.unannounced += unannounced

    async def _end(self, conn: Connection, folder: SyncFolder) -> None:
        await end_visit(
            conn,
            self._account,
            folder,
            found_changes=self._found_changes,
            shortest_seconds=self._engine.settings.changes_interval_seconds,
            longest_seconds=self._engine.settings.changes_longest_seconds,
        )

    async def _compare_counts(self, folder: SyncFolder) -> None:
        """Enumerate a folder whose count says that delta has kept something from us."""
        patience_seconds = self._engine.settings.changes_longest_seconds
        async with user_transaction(self._engine.pool, self._account.user_id) as conn:
            if not await counts_disagree(conn, self._account, folder, patience_seconds=patience_seconds):
                return
            log.warning("counts disagree", extra={"folder_id": str(folder.id)})
            await restart_listing(conn, self._account, [folder.id])
            run, _ = await ensure_run(conn, self._account)
        self.jobs.append(Later(StartSync(account_id=self._account.id, run_id=run.id)))

    async def _list_again(self, folder: SyncFolder, why: str) -> None:
        """Enumerate one folder anew."""
        log.warning("folder listed again", extra={"folder_id": str(folder.id), "why": why})
        async with user_transaction(self._engine.pool, self._account.user_id) as conn:
            await give_up_round(conn, self._account, folder)
            run, _ = await ensure_run(conn, self._account)
        self.jobs.append(Later(StartSync(account_id=self._account.id, run_id=run.id)))


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
