"""Enumerating a folder, cheaply, and cutting what it holds into pages to fetch."""

import logging
from typing import Final
from uuid import UUID

from shared.errors import CursorExpired, ProviderItemNotFound
from shared.jobs import Later
from shared.models.accounts import ConnectedAccount, SyncFolder
from shared.models.jobs import StartSync, SyncLane
from shared.models.mail import ChangePage, message_id_from
from shared.providers.protocol import MailProvider
from shared.storage.database import Connection, user_transaction
from shared.storage.folders import CursorMove, give_up_round, move_cursor, release_listing
from shared.storage.listings import forget_seen, remember_seen, unseen_provider_ids
from shared.storage.messages import stored_messages
from shared.storage.sync_pages import count_waiting_pages, insert_id_pages, insert_pages
from shared.storage.sync_runs import count_free_lanes, ensure_run
from shared.sync.engine import Engine
from shared.sync.folders import refresh_folders
from shared.sync.pages import pages_from

log = logging.getLogger(__name__)
LEAST_LISTED: Final = 10
FIRST_PAGES: Final = (100, 100)  # of the inbox: what its owner looks for first is there first


async def list_folder_page(
    engine: Engine, account: ConnectedAccount, provider: MailProvider, folder: SyncFolder, *, failures: int = 0
) -> list[Later]:
    """
    List the next page of a folder and record the fetches that it calls for; return jobs to send.

    They belong to the run that is unfinished now: the one whose lane lists may have ended before it took the folder.
    """
    jobs: list[Later] = []
    try:
        page = await provider.changes(
            folder.provider_folder_id, folder.cursor, page_messages=_listing_size(engine, folder, failures)
        )
    except CursorExpired as exc:
        await _start_over(engine, account, folder, exc.code)
        return []
    except ProviderItemNotFound:
        return await refresh_folders(engine, account, provider)
    async with user_transaction(engine.pool, account.user_id) as conn:
        move = await move_cursor(conn, account, folder, cursor=page.cursor, listed=not page.has_more)
        if move is not CursorMove.STALE:
            run, is_new = await ensure_run(conn, account)
            planned = await _record(conn, account, run.id, folder, page, size=engine.settings.sync_page_messages)
            await release_listing(conn, account, folder)
            if is_new:
                jobs.append(Later(StartSync(account_id=account.id, run_id=run.id)))
            else:
                jobs += await helping_lanes(engine, conn, account, run.id, pages=planned)
    if move is CursorMove.ENDLESS:
        await _start_over(engine, account, folder, "a listing without an end")
    log.info("folder page listed", extra={"folder_id": str(folder.id), "listed": len(page.listed)})
    return jobs


async def helping_lanes(
    engine: Engine, conn: Connection, account: ConnectedAccount, run_id: UUID, *, pages: int | None = None
) -> list[Later]:
    """Call for a lane for each page that nobody fetches yet, as far as there are free lanes, and room for them."""
    waiting = await count_waiting_pages(conn, account, run_id) if pages is None else pages
    room = engine.crowd.room_for(account.id)
    wanted = waiting if room is None else min(waiting, room)
    lanes = min(wanted, await count_free_lanes(conn, account, run_id)) if wanted else 0
    return [Later(SyncLane(account_id=account.id, run_id=run_id))] * lanes


def _listing_size(engine: Engine, folder: SyncFolder, failures: int) -> int:
    """Begin the inbox small, because its owner waits to see something; ask for less after each failure in a row."""
    size = engine.settings.sync_listing_messages
    if _is_looked_at_first(folder):
        size = min(size, 2 * engine.settings.sync_page_messages)
    return max(size >> failures, min(size, LEAST_LISTED))


def _is_looked_at_first(folder: SyncFolder) -> bool:
    return folder.cursor is None and folder.well_known_name == "inbox"


async def _start_over(engine: Engine, account: ConnectedAccount, folder: SyncFolder, why: str) -> None:
    async with user_transaction(engine.pool, account.user_id) as conn:
        times = await give_up_round(conn, account, folder)
    log.warning("listing begun again", extra={"folder_id": str(folder.id), "why": why, "times": times})


async def _record(
    conn: Connection, account: ConnectedAccount, run_id: UUID, folder: SyncFolder, page: ChangePage, *, size: int
) -> int:
    """Plan fetches for what the page names and the database does not have in the same version; return how many."""
    stored = await stored_messages(conn, account, [item.provider_message_id for item in page.listed])
    wanted = [
        item
        for item in page.listed
        if not (row := stored.get(item.provider_message_id))
        or row.is_deleted
        or row.folder_id != folder.id
        or row.change_key != item.change_key
    ]
    first_sizes = FIRST_PAGES if _is_looked_at_first(folder) else ()
    planned = list(pages_from(folder.id, wanted, size, first_sizes=first_sizes))
    await insert_pages(conn, account, run_id, planned)
    await insert_id_pages(conn, account, run_id, folder.id, list(page.removed_ids), size=size)
    if folder.listing_round > 1:
        seen = [message_id_from(account.id, item.provider_message_id) for item in page.listed]
        await remember_seen(conn, account, folder, seen)
        if not page.has_more:
            unseen = await unseen_provider_ids(conn, account, folder)
            await insert_id_pages(conn, account, run_id, folder.id, unseen, size=size)
            await forget_seen(conn, account, folder)
    return len(planned)
