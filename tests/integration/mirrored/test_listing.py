"""Folders that are listed while runs end and begin, and pages that are too large for their provider."""

from shared.jobs import Later
from shared.models.accounts import SyncFolder, Urgency
from shared.models.jobs import StartSync, SyncLane
from shared.storage.database import user_transaction
from shared.storage.folders import claim_listing, restart_listing
from shared.storage.sync_runs import ensure_run
from shared.sync.listing import list_folder_page
from shared.sync.runs import LISTING_LANES
from tests.integration.mirrored.mirror import Mirror, with_settings

ONE_PIECE_OF_WORK = 0.001  # seconds of a turn, which ends after the first


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


async def test_pages_become_smaller_until_the_provider_answers_in_time(mirror: Mirror) -> None:
    mirror.admin.make_synthetic(mirror.address, 1_500, folders=["archive"], seed=6, body_bytes=200)
    mirror.admin.fault("timeout", path=r"\$top=(1[1-9]\d|[2-9]\d\d)\b", times=None)
    await mirror.sync()
    assert mirror.prove().holds
    (rule,) = mirror.admin.stats()["faults"]
    assert 2 <= rule["fired"] <= 8
    assert mirror.admin.usage(mirror.address)["requests"] < 120  # by id it would be one for each message
    ((most,),) = await mirror.query("SELECT page_messages FROM sync_run")
    assert 50 <= most <= 120


async def test_pages_grow_again_when_the_provider_keeps_up(mirror: Mirror) -> None:
    mirror.admin.make_synthetic(mirror.address, 3_000, folders=["archive"], seed=7, body_bytes=200)
    mirror.admin.fault("timeout", path=r"\$filter=receivedDateTime", times=1)
    await mirror.sync()
    assert mirror.prove().holds
    assert await mirror.query("SELECT page_messages FROM sync_run") == [(None,)]


async def test_a_listing_calls_for_a_lane_for_each_page_that_it_plans(mirror: Mirror) -> None:
    mirror.admin.make_synthetic(mirror.address, 40, folders=["inbox"], seed=3)
    mirror.engine = with_settings(mirror.engine, sync_page_messages=4, lane_seconds=ONE_PIECE_OF_WORK)
    ((run_id,),) = await mirror.query("SELECT id FROM sync_run")
    await mirror.run(StartSync(account_id=mirror.account.id, run_id=run_id))
    assert len(mirror.jobs.take(SyncLane)) == LISTING_LANES
    lane = SyncLane(account_id=mirror.account.id, run_id=run_id)
    await mirror.run(lane)
    planned = len(await mirror.query("SELECT id FROM sync_page"))
    by_the_listing, by_the_end_of_the_turn = planned, planned
    assert planned > 1
    assert mirror.jobs.take(SyncLane) == [Later(lane)] * (by_the_listing + by_the_end_of_the_turn + 1)
