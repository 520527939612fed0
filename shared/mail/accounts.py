"""What a user sees of connected mailboxes: state, folders, progress, problems."""

from typing import Final
from uuid import UUID

from shared.models.api import Account, Accounts, FolderProgress, Folders, Problems, SyncProgress, SyncRunState
from shared.storage.account_lists import (
    list_accounts,
    list_failed_jobs,
    list_failed_messages,
    list_failed_pages,
    list_folders,
    read_account,
)
from shared.storage.database import Pool, user_transaction
from shared.storage.sync_progress import RunProgress, list_folder_progress, newest_run_progress

RECENT_SECONDS: Final = 20.0
PROBLEMS_MAX: Final = 100  # of each kind
UNFINISHED: Final = (SyncRunState.STARTING, SyncRunState.RUNNING)


async def read_accounts(pool: Pool, user_id: UUID) -> Accounts:
    async with user_transaction(pool, user_id) as conn:
        return Accounts(items=await list_accounts(conn, user_id))


async def read_one_account(pool: Pool, user_id: UUID, account_id: UUID) -> Account:
    async with user_transaction(pool, user_id) as conn:
        return await read_account(conn, user_id, account_id)


async def read_folders(pool: Pool, user_id: UUID, account_id: UUID) -> Folders:
    async with user_transaction(pool, user_id) as conn:
        await read_account(conn, user_id, account_id)
        return Folders(items=await list_folders(conn, user_id, account_id))


async def read_problems(pool: Pool, user_id: UUID, account_id: UUID) -> Problems:
    async with user_transaction(pool, user_id) as conn:
        await read_account(conn, user_id, account_id)
        return Problems(
            pages=await list_failed_pages(conn, user_id, account_id, PROBLEMS_MAX),
            jobs=await list_failed_jobs(conn, user_id, account_id, PROBLEMS_MAX),
            messages=await list_failed_messages(conn, user_id, account_id, PROBLEMS_MAX),
        )


async def read_sync_progress(pool: Pool, user_id: UUID, account_id: UUID) -> SyncProgress:
    """Raise NotFound when the account is not there or never had a run."""
    async with user_transaction(pool, user_id) as conn:
        await read_account(conn, user_id, account_id)
        run = await newest_run_progress(conn, user_id, account_id, recent_seconds=RECENT_SECONDS)
        folders = await list_folder_progress(conn, run, user_id, recent_seconds=RECENT_SECONDS)
    return _progress(run, folders)


def _progress(run: RunProgress, folders: list[FolderProgress]) -> SyncProgress:
    total = max(sum(folder.messages_total for folder in folders), run.messages_done + run.messages_failed)
    rate = _messages_per_second(run)
    left = total - run.messages_done - run.messages_failed
    return SyncProgress(
        run_id=run.run_id,
        account_id=run.account_id,
        state=run.state,
        requested_at=run.requested_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
        total_is_exact=run.state not in UNFINISHED
        or (run.state is SyncRunState.RUNNING and all(folder.listed for folder in folders)),
        messages_total=total,
        messages_done=run.messages_done,
        messages_failed=run.messages_failed,
        messages_per_second=rate,
        seconds_left=left / rate if rate and run.state is SyncRunState.RUNNING else None,
        folders=folders,
    )


def _messages_per_second(run: RunProgress) -> float | None:
    """Take the rate of the last seconds while it runs, of the whole when it is over."""
    if not run.seconds:
        return None
    if run.state in UNFINISHED:
        return run.recently_done / min(run.seconds, RECENT_SECONDS)
    return run.messages_done / run.seconds
