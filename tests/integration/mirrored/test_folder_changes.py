"""Folders that are made, renamed, moved and deleted, and messages that change places, followed by delta alone."""

from typing import Any

import pytest

from shared.models.jobs import FetchMessage, StartSync, SyncLane
from tests.integration.mirrored.following import events_since, finish_run, follow, newest_position
from tests.integration.mirrored.mirror import Mirror, with_settings


async def settle(mail: Mirror) -> None:
    """Follow delta until it asks for nothing more."""
    for _ in range(3):
        await follow(mail, is_thorough=True)
        await finish_run(mail)


async def tree(mail: Mirror) -> set[tuple[str, str | None]]:
    """The folders by name, with their parents' names."""
    rows = await mail.query(
        "SELECT f.display_name, p.display_name FROM folder f LEFT JOIN folder p ON p.id = f.parent_id"
    )
    return set(rows)


def message_kinds(events: list[tuple[str, Any]]) -> list[str]:
    return sorted(kind for kind, message in events if message)


async def test_a_new_folder_with_mail_in_it_is_listed(visited: Mirror) -> None:
    project = visited.admin.create_folder(visited.address, "Project", parent="inbox")
    visited.admin.create_folder(visited.address, "Drafts of it", parent=project["id"])
    visited.admin.move(visited.address, visited.ids("inbox")[0], project["id"])
    visited.admin.deliver(visited.address, folder=project["id"])
    position = await newest_position(visited)
    await settle(visited)
    assert {("Project", "Inbox"), ("Drafts of it", "Project")} <= await tree(visited)
    assert message_kinds(await events_since(visited, position)) == ["message.created", "message.updated"]
    assert visited.prove().holds


async def test_a_renamed_and_moved_folder_keeps_its_row_and_its_mail(visited: Mirror) -> None:
    project = visited.admin.create_folder(visited.address, "Project", parent="inbox")
    visited.admin.move(visited.address, visited.ids("inbox")[0], project["id"])
    await settle(visited)
    before = await visited.query("SELECT id FROM folder WHERE display_name = 'Project'")
    visited.admin.change_folder(visited.address, project["id"], name="Finished", parent="archive")
    position = await newest_position(visited)
    await settle(visited)
    assert await visited.query("SELECT id FROM folder WHERE display_name = 'Finished'") == before
    assert ("Finished", "Archive") in await tree(visited)
    assert message_kinds(await events_since(visited, position)) == []
    assert visited.prove().holds


@pytest.mark.parametrize("permanent", [True, False])
async def test_a_folder_is_deleted_with_its_children_and_only_what_is_gone_is_told_as_gone(
    visited: Mirror, *, permanent: bool
) -> None:
    project = visited.admin.create_folder(visited.address, "Project", parent="inbox")
    child = visited.admin.create_folder(visited.address, "Child", parent=project["id"])
    first, second, third, *_ = visited.ids("inbox")
    for message, folder in ((first, project["id"]), (second, child["id"]), (third, child["id"])):
        visited.admin.move(visited.address, message, folder)
    await settle(visited)
    visited.admin.move(visited.address, third, "archive")
    visited.admin.delete_folder(visited.address, project["id"], permanent=permanent)
    position = await newest_position(visited)
    await settle(visited)
    assert visited.prove().holds
    told = message_kinds(await events_since(visited, position))
    assert told == (["message.deleted"] * 2 if permanent else []) + ["message.updated"]


async def test_a_folder_that_is_made_again_under_its_old_name_is_another(visited: Mirror) -> None:
    old = visited.admin.create_folder(visited.address, "Project")
    visited.admin.move(visited.address, visited.ids("inbox")[0], old["id"])
    await settle(visited)
    before = await visited.query("SELECT id FROM folder WHERE display_name = 'Project'")
    visited.admin.delete_folder(visited.address, old["id"], permanent=True)
    new = visited.admin.create_folder(visited.address, "Project")
    visited.admin.move(visited.address, visited.ids("inbox")[0], new["id"])
    await settle(visited)
    after = await visited.query("SELECT id FROM folder WHERE display_name = 'Project'")
    assert len(after) == 1
    assert after != before
    assert visited.prove().holds


async def test_a_folder_that_vanishes_between_the_tree_and_its_delta_is_taken_out(visited: Mirror) -> None:
    project = visited.admin.create_folder(visited.address, "Project")
    visited.admin.move(visited.address, visited.ids("inbox")[0], project["id"])
    await settle(visited)
    ((before_deltas,),) = await requests_of_the_tree(visited)

    async def delete() -> None:
        visited.admin.delete_folder(visited.address, project["id"], permanent=True)

    visited.doorstep.reset()
    visited.doorstep.before = {before_deltas + 1: delete}
    await settle(visited)
    assert visited.doorstep.before == {}
    assert ("Project", None) not in await tree(visited)
    assert visited.prove().holds


async def requests_of_the_tree(mail: Mirror) -> list[tuple[int]]:
    mail.doorstep.reset()
    await follow(mail)
    return [(mail.doorstep.requests,)]


async def test_a_folder_that_vanishes_while_it_is_enumerated_ends_with_the_rest(mirror: Mirror) -> None:
    project = mirror.admin.create_folder(mirror.address, "Project")
    mirror.admin.make_synthetic(mirror.address, 40, folders=["inbox", project["id"]], seed=7)
    mirror.engine = with_settings(mirror.engine, sync_listing_messages=5, sync_page_messages=5)
    ((run_id,),) = await mirror.query("SELECT id FROM sync_run")
    await mirror.run(StartSync(account_id=mirror.account.id, run_id=run_id))

    async def delete() -> None:
        mirror.admin.delete_folder(mirror.address, project["id"], permanent=True)

    mirror.doorstep.before = {mirror.doorstep.requests + 8: delete}
    while jobs := mirror.jobs.take(SyncLane):
        await mirror.query("UPDATE folder SET leased_until = '-infinity'")  # as if its lease were over
        await mirror.run(jobs[0].job)
    assert mirror.doorstep.before == {}
    assert await mirror.query("SELECT state::text FROM sync_run") == [("completed",)]
    await settle(mirror)
    assert mirror.prove().holds


async def test_a_hidden_folder_is_mirrored_from_when_it_is_shown(visited: Mirror) -> None:
    hidden = visited.admin.create_folder(visited.address, "Secret", is_hidden=True)
    message = visited.ids("inbox")[0]
    visited.admin.move(visited.address, message, hidden["id"])
    await settle(visited)
    gone = await visited.query("SELECT deleted_at IS NOT NULL FROM message WHERE provider_message_id = %s", message)
    assert gone == [(True,)]
    visited.admin.move(visited.address, message, "archive")
    await settle(visited)
    assert visited.prove().holds


@pytest.mark.parametrize("order", [("inbox", "archive"), ("archive", "inbox")])
async def test_moves_both_ways_lose_no_row_whichever_folder_is_visited_first(
    visited: Mirror, order: tuple[str, str]
) -> None:
    there, back = visited.ids("inbox")[0], visited.ids("archive")[0]
    visited.admin.move(visited.address, there, "archive")
    visited.admin.move(visited.address, back, "inbox")
    await visited.query(
        "UPDATE folder SET check_at = now() - make_interval(days => array_position(%s, well_known_name))"
        " WHERE well_known_name = ANY(%s)",
        list(reversed(order)),
        list(order),
    )
    position = await newest_position(visited)
    await follow(visited)
    assert visited.prove().holds
    assert message_kinds(await events_since(visited, position)) == ["message.updated", "message.updated"]


async def test_a_message_that_moved_out_was_told_and_came_back_untold_returns_by_the_counts(visited: Mirror) -> None:
    """Delta with immutable ids says nothing about it, in neither folder."""
    message = visited.ids("inbox")[0]
    visited.admin.delta(visited.address, miss_returned=True)
    visited.admin.move(visited.address, message, "archive")
    await visited.run(FetchMessage(account_id=visited.account.id, provider_message_id=message, change="updated"))
    visited.admin.move(visited.address, message, "inbox")
    await settle(visited)
    assert visited.prove().holds


async def test_a_message_that_goes_round_three_folders_between_visits_is_one_change(visited: Mirror) -> None:
    message = visited.ids("inbox")[0]
    position = await newest_position(visited)
    for place in ("archive", "sentitems", "deleteditems"):
        visited.admin.move(visited.address, message, place)
    await settle(visited)
    assert visited.prove().holds
    assert message_kinds(await events_since(visited, position)) == ["message.updated"]
