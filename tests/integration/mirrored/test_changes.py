"""Delta: which folders are visited when, what a forgotten or endless round leads to, and what silence is noticed."""

import re
from datetime import timedelta

import pytest

from shared.models.accounts import SyncFolder
from shared.models.jobs import EnsureSubscription, StartSync, SyncChanges, SyncLane
from shared.storage.database import user_transaction
from shared.storage.folders import give_up_round, seconds_until_listing
from shared.sync.changes import request_changes
from tests.integration.mirrored.following import events_since, finish_run, follow, newest_position
from tests.integration.mirrored.mirror import Mirror, with_settings


async def distances(mail: Mirror) -> dict[str, float]:
    """How far apart each folder's visits are, by its name at the provider."""
    rows = await mail.query("SELECT well_known_name, check_seconds FROM folder WHERE well_known_name IS NOT NULL")
    return dict(rows)


async def test_a_quiet_folder_is_visited_ever_more_rarely_and_the_inbox_hourly_at_least(visited: Mirror) -> None:
    for _ in range(8):
        await follow(visited, is_thorough=True)
    far = await distances(visited)
    assert far["inbox"] == timedelta(hours=1).total_seconds()
    assert far["archive"] == timedelta(hours=6).total_seconds()


async def test_a_folder_with_changes_is_visited_soon_again(visited: Mirror) -> None:
    for _ in range(8):
        await follow(visited, is_thorough=True)
    visited.admin.deliver(visited.address, folder="archive")
    await follow(visited, is_thorough=True)
    far = await distances(visited)
    assert far["archive"] == visited.engine.settings.changes_interval_seconds
    assert far["inbox"] > far["archive"]


async def test_a_visit_with_nothing_due_reads_the_tree_alone(visited: Mirror) -> None:
    await follow(visited)
    for_the_tree = visited.doorstep.requests
    await follow(visited, is_thorough=True)
    ((folders,),) = await visited.query("SELECT count(*) FROM folder")
    assert visited.doorstep.requests == 2 * for_the_tree + folders


async def test_the_trees_counts_tell_which_folder_has_news_before_its_time(visited: Mirror) -> None:
    visited.admin.deliver(visited.address, folder="archive")
    await follow(visited)
    assert visited.prove().holds


async def test_what_may_have_been_lost_is_not_forgotten_with_the_job_that_says_so(visited: Mirror) -> None:
    await visited.query("UPDATE account SET changes_leased_until = now() + interval '1 minute'")
    await follow(visited, is_thorough=True)  # somebody else is at it, so this job ends
    due = await visited.query("SELECT count(*) FROM folder WHERE check_at > '-infinity'")
    assert due == [(0,)]


async def test_a_worker_that_dies_in_a_visit_leaves_the_folder_due(visited: Mirror) -> None:
    async def die() -> None:
        raise RuntimeError("killed")

    visited.admin.deliver(visited.address, folder="inbox")
    await visited.query("UPDATE folder SET check_at = '-infinity'")
    visited.doorstep.before = dict.fromkeys(range(3, 40), die)
    with pytest.raises(RuntimeError):
        await follow(visited)
    visited.doorstep.before = {}
    await visited.query("UPDATE folder SET check_at = least(check_at, now())")  # the lease of the dead is over
    await follow(visited)
    assert visited.prove().holds


async def test_the_timer_takes_accounts_with_a_due_folder_once(visited: Mirror) -> None:
    await visited.query("UPDATE account SET state = 'live', changes_requested_at = NULL")
    await request_changes(visited.engine)
    assert visited.jobs.take(SyncChanges) == []
    await visited.query("UPDATE folder SET check_at = now() WHERE well_known_name = 'inbox'")
    await request_changes(visited.engine)
    await request_changes(visited.engine)
    assert len(visited.jobs.take(SyncChanges)) == 1


async def test_a_forgotten_cursor_lists_that_folder_only_and_tells_nobody_what_is_known(visited: Mirror) -> None:
    visited.admin.expire_sync_state(visited.address, folder="archive")
    await visited.query("UPDATE folder SET check_at = '-infinity'")
    position = await newest_position(visited)
    await follow(visited)
    listing = await visited.query("SELECT well_known_name FROM folder WHERE state = 'listing'")
    assert listing == [("archive",)]
    await finish_run(visited)
    assert visited.prove().holds
    assert [event for event in await events_since(visited, position) if event[1]] == []


async def test_a_folder_whose_rounds_come_to_nothing_is_begun_again_ever_later(visited: Mirror) -> None:
    rows = await visited.query("SELECT id FROM folder WHERE well_known_name = 'archive'")
    waits = []
    for _ in range(4):
        async with user_transaction(visited.engine.pool, visited.account.user_id) as conn:
            ((round_,),) = await visited.query("SELECT listing_round FROM folder WHERE id = %s", rows[0][0])
            folder = SyncFolder(rows[0][0], "", "archive", None, round_)
            await give_up_round(conn, visited.account, folder)
            assert await give_up_round(conn, visited.account, folder) is None  # that round is over
        async with user_transaction(visited.engine.pool, visited.account.user_id) as conn:
            waits.append(round(await seconds_until_listing(conn, visited.account)))
    assert waits == [0, 5, 10, 20]


async def test_an_enumeration_that_expires_at_each_beginning_waits_and_holds_up_no_other(mirror: Mirror) -> None:
    mirror.admin.make_synthetic(mirror.address, 20, folders=["inbox", "archive"], seed=3)
    (archive,) = (
        folder["id"] for folder in mirror.admin.folders(mirror.address) if folder["wellKnownName"] == "archive"
    )
    mirror.admin.fault("gone", path=f"{re.escape(archive.rstrip('='))}.*delta", mailbox=mirror.address, times=None)
    run = (await mirror.query("SELECT id FROM sync_run"))[0][0]
    await mirror.run(StartSync(account_id=mirror.account.id, run_id=run))
    for _ in range(3):
        lanes = mirror.jobs.take(SyncLane)
        await mirror.run(lanes[0].job)
    assert mirror.jobs.take(SyncLane)[0].delay_seconds > 1
    assert await mirror.query("SELECT well_known_name FROM folder WHERE state = 'listing'") == [("archive",)]
    mirror.admin.clear_faults()
    await mirror.query("UPDATE folder SET leased_until = '-infinity'")
    await mirror.run(SyncLane(account_id=mirror.account.id, run_id=run))
    await finish_run(mirror)
    assert mirror.prove().holds


async def test_a_move_is_told_as_one_change_whichever_folder_tells_first(visited: Mirror) -> None:
    (message_id, *_) = visited.ids("inbox")
    position = await newest_position(visited)
    visited.admin.move(visited.address, message_id, "archive")
    await follow(visited)
    assert visited.prove().holds
    kinds = [kind for kind, message in await events_since(visited, position) if message]
    assert kinds == ["message.updated"]


async def test_a_change_that_no_notification_told_in_time_is_counted_and_looked_into(visited: Mirror) -> None:
    visited.admin.deliver(visited.address, folder="inbox")
    visited.engine = with_settings(visited.engine, notification_latency_seconds=0)
    await follow(visited)
    assert await visited.query("SELECT changes_unannounced FROM account") == [(1,)]
    account_id = visited.account.id
    renewals = [later.job for later in visited.jobs.take(EnsureSubscription)]
    assert renewals == [EnsureSubscription(account_id=account_id, renew_now=True)]
    assert [later.job for later in visited.jobs.take(SyncChanges)] == [
        SyncChanges(account_id=account_id, is_thorough=True)
    ]


async def test_a_change_that_a_notification_may_still_tell_is_not_counted(visited: Mirror) -> None:
    visited.admin.deliver(visited.address, folder="inbox")
    await follow(visited)
    assert visited.prove().holds
    assert await visited.query("SELECT changes_unannounced FROM account") == [(0,)]


async def test_changes_from_before_the_subscription_are_not_counted(visited: Mirror) -> None:
    visited.admin.deliver(visited.address, folder="inbox")
    await visited.query("UPDATE subscription SET made_at = now() + interval '1 minute'")
    visited.engine = with_settings(visited.engine, notification_latency_seconds=0)
    await follow(visited)
    assert await visited.query("SELECT changes_unannounced FROM account") == [(0,)]


async def test_a_count_that_stays_wrong_makes_a_folder_be_listed_again_once(visited: Mirror) -> None:
    await visited.query(
        "DELETE FROM message WHERE id IN (SELECT m.id FROM message m JOIN folder f ON f.id = m.folder_id"
        " WHERE f.well_known_name = 'archive' LIMIT 2)"
    )
    await follow(visited, is_thorough=True)
    assert visited.jobs.take(StartSync) == []  # what is on its way looks like that too
    await follow(visited, is_thorough=True)
    await finish_run(visited)
    assert visited.prove().holds


async def test_thousands_of_accounts_are_asked_for_in_batches(visited: Mirror) -> None:
    await visited.query(
        """INSERT INTO account (id, user_id, provider, provider_tenant_id, provider_user_id, address, display_name,
                                state, connected_at)
           SELECT gen_random_uuid(), user_id, provider, provider_tenant_id, 'user ' || number, '', '', 'live',
                  now() - interval '1 day'
             FROM account, generate_series(1, 2500) AS number"""
    )
    await request_changes(visited.engine)
    taken = visited.jobs.take(SyncChanges)
    assert len({later.job.account_id for later in taken}) == len(taken) == 2500
