"""The folder tree."""

from collections.abc import Sequence
from uuid import UUID

from shared.jobs import Later
from shared.models.accounts import ConnectedAccount
from shared.models.api import ChangeKind, SyncRunState
from shared.models.jobs import StartSync
from shared.models.mail import folder_id_from
from shared.providers.protocol import MailProvider
from shared.storage.database import Connection
from shared.storage.events import Event
from shared.storage.folders import (
    count_listing_folders,
    delete_folders,
    known_folder_ids,
    set_well_known_names,
    upsert_folders,
)
from shared.storage.messages import provider_ids_in_folders
from shared.storage.sync_pages import insert_id_pages
from shared.storage.sync_runs import ensure_run
from shared.sync.engine import Engine, recorded_transaction


async def refresh_folders(
    engine: Engine, account: ConnectedAccount, provider: MailProvider, *, in_haste: bool = False
) -> list[Later]:
    """
    Make the folder rows equal to the provider's tree; return the job that lists what is new, if one is needed.

    The messages of a folder that is gone are not believed gone with it: a run looks each of them up.
    """
    tree = await provider.list_folders(in_haste=in_haste)
    listed = {folder_id_from(account.id, folder.provider_folder_id) for folder in tree}
    async with recorded_transaction(engine, account) as (conn, events):
        gone = sorted(await known_folder_ids(conn, account) - listed)
        changed = await upsert_folders(conn, account, tree, keeps_names=in_haste)
        events += [Event(ChangeKind.FOLDER_CHANGED, account.id, folder_id=folder_id) for folder_id in changed]
        events += [Event(ChangeKind.FOLDER_REMOVED, account.id, folder_id=folder_id) for folder_id in gone]
        return await _plan_run(engine, conn, account, gone)


async def name_folders(engine: Engine, account: ConnectedAccount, provider: MailProvider) -> None:
    """Save which folders have well-known names."""
    names = await provider.well_known_names()
    async with recorded_transaction(engine, account) as (conn, events):
        changed = await set_well_known_names(conn, account, names)
        events += [Event(ChangeKind.FOLDER_CHANGED, account.id, folder_id=folder_id) for folder_id in changed]


async def _plan_run(engine: Engine, conn: Connection, account: ConnectedAccount, gone: Sequence[UUID]) -> list[Later]:
    if not gone and not await count_listing_folders(conn, account):
        return []
    run, _ = await ensure_run(conn, account)
    if gone:
        orphans = await provider_ids_in_folders(conn, account, gone)
        await insert_id_pages(conn, account, run.id, gone[0], orphans, size=engine.settings.sync_page_messages)
        await delete_folders(conn, account, gone)
    if run.state is SyncRunState.RUNNING:
        return []  # its lanes find the work
    return [Later(StartSync(account_id=account.id, run_id=run.id))]
