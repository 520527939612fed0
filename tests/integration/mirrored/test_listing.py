"""Folders that are listed while runs end and begin."""

from shared.models.accounts import SyncFolder, Urgency
from shared.models.jobs import StartSync, SyncLane
from shared.storage.database import user_transaction
from shared.storage.folders import claim_listing, restart_listing
from shared.storage.sync_runs import ensure_run
from shared.sync.listing import list_folder_page
from tests.integration.mirrored.mirror import Mirror


async def taken(mail: Mirror, *, begins_run: bool) -> SyncFolder:
    """Have the archive listed anew, by a lane whose own run has ended meanwhile."""
    ((folder_id,),) = await mail.query("SELECT id FROM folder WHERE well_known_name = 'archive'")
    await mail.query("UPDATE message SET change_key = 'old' WHERE folder_id = %s", folder_id)
    async with user_transaction(mail.engine.pool, mail.account.user_id) as conn:
        await restart_listing(conn, mail.account, [folder_id])
        if begins_run:
            await ensure_run(conn, mail.account)
        folder = await claim_listing(conn, mail.account, 60)
    assert folder is not None
    return folder


async def list_to_the_end(mail: Mirror) -> None:
    provider = mail.engine.provider_for(mail.account, Urgency.BACKFILL)
    folder: SyncFolder | None = await taken(mail, begins_run=False)
    while folder:
        mail.jobs.waiting += await list_folder_page(mail.engine, mail.account, provider, folder)
        async with user_transaction(mail.engine.pool, mail.account.user_id) as conn:
            folder = await claim_listing(conn, mail.account, 60)


async def test_what_is_listed_belongs_to_the_run_that_is_unfinished(mail: Mirror) -> None:
    folder = await taken(mail, begins_run=True)
    provider = mail.engine.provider_for(mail.account, Urgency.BACKFILL)
    assert await list_folder_page(mail.engine, mail.account, provider, folder) == []
    states = await mail.query(
        "SELECT DISTINCT sync_run.state::text FROM sync_page JOIN sync_run ON run_id = sync_run.id"
        " WHERE sync_page.state <> 'done'"
    )
    assert states == [("starting",)]


async def test_what_is_listed_when_no_run_is_left_begins_one(mail: Mirror) -> None:
    await list_to_the_end(mail)
    (start,) = mail.jobs.take(StartSync)
    await mail.run(start.job)
    while jobs := mail.jobs.take(SyncLane):
        await mail.run(jobs[0].job)
    assert mail.prove().holds
    assert await mail.query("SELECT 1 FROM sync_page WHERE state <> 'done'") == []
