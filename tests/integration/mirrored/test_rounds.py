"""Rounds of delta that go wrong, and how many of them a mailbox costs in which nothing happens."""

import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shared.errors import CursorExpired
from shared.models.accounts import ConnectedAccount, Urgency
from shared.models.jobs import StartSync, SyncChanges
from shared.models.mail import ChangePage
from shared.sync.changes import request_changes
from shared.sync.engine import Engine
from tests.integration.mirrored.following import events_since, finish_run, follow, newest_position
from tests.integration.mirrored.mirror import Mirror


class Astray:
    """The provider as it is, but for one folder's delta, which leads astray."""

    def __init__(self, provider: Any, folder: str, links: Iterator[str]) -> None:  # noqa: ANN401 - asked for anything
        self._provider, self._folder, self._links = provider, folder, links
        self.asked = 0

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as above
        return getattr(self._provider, name)

    async def changes(self, provider_folder_id: str, cursor: str | None, *, page_messages: int) -> ChangePage:
        if provider_folder_id != self._folder or cursor is None:
            page: ChangePage = await self._provider.changes(provider_folder_id, cursor, page_messages=page_messages)
            return page
        self.asked += 1
        if (link := next(self._links)) == "expired":
            raise CursorExpired("410")
        return ChangePage(listed=(), removed_ids=(), cursor=link, has_more=True)


async def lead_astray(mail: Mirror, links: Iterator[str]) -> Callable[[], int]:
    """Have the archive's delta answer with these links and nothing else; return what tells how often it was asked."""
    ((folder,),) = await mail.query("SELECT provider_folder_id FROM folder WHERE well_known_name = 'archive'")
    engine, made = mail.engine, []

    def provider_for(account: ConnectedAccount, urgency: Urgency) -> Any:  # noqa: ANN401 - a provider but for its delta
        made.append(Astray(engine.provider_for(account, urgency), folder, links))
        return made[-1]

    mail.engine = Engine(engine.settings, engine.secrets, engine.pool, engine.jobs, provider_for, engine.announce)
    return lambda: sum(provider.asked for provider in made)


async def state_of(mail: Mirror, name: str) -> tuple[Any, ...]:
    ((state, relistings),) = await mail.query(
        "SELECT state::text, relistings FROM folder WHERE well_known_name = %s", name
    )
    return state, relistings


@pytest.mark.parametrize(("before", "circle"), [(0, 1), (0, 3), (5, 7)])
async def test_links_that_go_in_a_circle_are_left_soon_and_the_folder_listed_anew(
    visited: Mirror, before: int, circle: int
) -> None:
    engine = visited.engine
    links = itertools.chain((f"a{n}" for n in range(before)), itertools.cycle([f"b{n}" for n in range(circle)]))
    asked = await lead_astray(visited, links)
    await follow(visited, is_thorough=True)
    assert asked() <= 4 * (before + circle)
    assert await state_of(visited, "archive") == ("listing", 1)
    visited.engine = engine
    await finish_run(visited)
    await follow(visited)
    assert visited.prove().holds
    assert await state_of(visited, "archive") == ("current", 0)


async def test_empty_pages_without_an_end_are_left_when_they_are_more_than_the_folder_could_fill(
    visited: Mirror,
) -> None:
    await visited.query("UPDATE folder SET round_pages = 990 WHERE well_known_name = 'archive'")
    asked = await lead_astray(visited, (f"link {n}" for n in itertools.count()))
    await follow(visited, is_thorough=True)
    assert 10 < asked() < 20  # thirty messages allow it six pages more than a thousand
    assert await state_of(visited, "archive") == ("listing", 1)


async def test_a_cursor_that_expires_in_the_middle_of_a_round_waits_longer_the_second_time(visited: Mirror) -> None:
    engine = visited.engine
    for times in (1, 2):
        visited.engine = engine
        await lead_astray(visited, itertools.cycle([f"link {times}", "expired"]))
        await follow(visited, is_thorough=True)
        assert await state_of(visited, "archive") == ("listing", times)
        ((waits,),) = await visited.query("SELECT leased_until > now() FROM folder WHERE well_known_name = 'archive'")
        assert waits == (times > 1)
        await visited.query("UPDATE folder SET leased_until = '-infinity'")
        visited.engine = engine
        await finish_run(visited)


async def test_a_folder_whose_delta_fails_does_not_hold_up_the_others(visited: Mirror) -> None:
    ((archive,),) = await visited.query("SELECT provider_folder_id FROM folder WHERE well_known_name = 'archive'")
    visited.admin.fault("timeout", path=f"{re.escape(archive.rstrip('='))}.*delta", mailbox=visited.address, times=None)
    await visited.query("UPDATE folder SET changes_checked_at = '-infinity' WHERE well_known_name = 'archive'")
    visited.admin.update(visited.address, visited.ids("inbox")[0], categories=["Blue"])
    await follow(visited, is_thorough=True)
    (again,) = (later.job for later in visited.jobs.take(SyncChanges))
    await visited.query("UPDATE account SET changes_leased_until = '-infinity'")
    await visited.query("UPDATE request_slot SET leased_until = '-infinity'")
    await visited.run(again)
    assert visited.prove().holds


async def test_a_folder_whose_delta_failed_is_visited_by_the_job_that_tries_again(visited: Mirror) -> None:
    ((archive,),) = await visited.query("SELECT provider_folder_id FROM folder WHERE well_known_name = 'archive'")
    visited.admin.fault("timeout", path=f"{re.escape(archive.rstrip('='))}.*delta", mailbox=visited.address, times=1)
    visited.admin.update(visited.address, visited.ids("archive")[0], categories=["Blue"])
    await follow(visited, is_thorough=True)
    (again,) = (later.job for later in visited.jobs.take(SyncChanges))
    assert not visited.prove().holds
    await visited.query("UPDATE account SET changes_leased_until = '-infinity'")
    await visited.run(again)
    assert visited.prove().holds


async def test_doubled_replayed_partial_and_empty_answers_tell_each_change_once(visited: Mirror) -> None:
    visited.admin.delta(visited.address, repeat_every=2, replay_changes=5, empty_every=1, partial_every=2)
    first, second, *_ = visited.ids("inbox")
    visited.admin.update(visited.address, first, isRead=True, flag={"flagStatus": "flagged"})
    visited.admin.delete(visited.address, second, permanent=True)
    new = visited.admin.deliver(visited.address, folder="inbox")["immutableId"]
    position = await newest_position(visited)
    for _ in range(3):
        await follow(visited, is_thorough=True)
    assert new in visited.ids("inbox")
    assert visited.prove().holds
    kinds = sorted(kind for kind, message in await events_since(visited, position) if message)
    assert kinds == ["message.created", "message.deleted", "message.updated"]


async def test_a_message_that_came_back_and_that_delta_misses_is_found_by_the_counts(visited: Mirror) -> None:
    message = visited.ids("inbox")[0]
    visited.admin.delete(visited.address, message, permanent=True)
    await follow(visited, is_thorough=True)
    visited.admin.delta(visited.address, missed_ids=[message])
    visited.admin.undelete(visited.address, message, "inbox")
    await follow(visited, is_thorough=True)
    assert not visited.prove().holds
    await follow(visited, is_thorough=True)
    await finish_run(visited)
    assert visited.prove().holds


async def test_what_is_counted_and_is_not_mail_makes_a_folder_be_listed_once(visited: Mirror) -> None:
    """As many items more than messages as there are now are expected from then on."""
    message = visited.ids("archive")[0]
    visited.admin.delta(visited.address, missed_ids=[message])
    await visited.query("DELETE FROM message WHERE provider_message_id = %s", message)
    lists = 0
    for _ in range(6):
        await visited.query("UPDATE folder SET relisted_at = '-infinity'")
        await follow(visited, is_thorough=True)
        lists += len([later for later in visited.jobs.waiting if isinstance(later.job, StartSync)])
        await finish_run(visited)
        await visited.query("DELETE FROM message WHERE provider_message_id = %s", message)
    assert lists == 1


async def test_while_no_subscription_tells_of_mail_the_tree_is_read_often_and_the_inbox_with_it(
    visited: Mirror,
) -> None:
    for _ in range(8):
        await follow(visited, is_thorough=True)
    await visited.query("UPDATE account SET state = 'live'")
    await pass_time(visited, visited.engine.settings.changes_interval_seconds + 60)
    await request_changes(visited.engine)
    assert visited.jobs.take(SyncChanges) == []
    await visited.query("UPDATE subscription SET expires_at = now()")
    visited.admin.update(visited.address, visited.ids("inbox")[0], categories=["Blue"])  # changes no count
    await request_changes(visited.engine)
    (job,) = (later.job for later in visited.jobs.take(SyncChanges))
    await visited.run(job)
    assert visited.prove().holds


async def pass_time(mail: Mirror, seconds: float) -> None:
    """Have everything that delta remembers be so long ago."""
    await mail.query(
        """UPDATE folder SET check_at = check_at - make_interval(secs => %s),
                             changes_checked_at = changes_checked_at - make_interval(secs => %s)""",
        seconds,
        seconds,
    )
    await mail.query(
        """UPDATE account SET connected_at = connected_at - make_interval(secs => %s),
                              changes_checked_at = changes_checked_at - make_interval(secs => %s),
                              changes_requested_at = changes_requested_at - make_interval(secs => %s)""",
        seconds,
        seconds,
        seconds,
    )


async def test_a_mailbox_in_which_nothing_happens_costs_some_hundred_requests_a_day(visited: Mirror) -> None:
    await visited.query("UPDATE account SET state = 'live'")
    for _ in range(8):
        await follow(visited, is_thorough=True)
    visited.doorstep.reset()
    visits = 0
    for _ in range(24 * 6):
        await pass_time(visited, 600)
        await request_changes(visited.engine)
        for later in visited.jobs.take(SyncChanges):
            visits += 1
            await visited.run(later.job)
    ((folders,),) = await visited.query("SELECT count(*) FROM folder")
    assert visits <= 26
    assert visited.doorstep.requests <= 26 * 3 + 3 * 26 + 6 * (folders - 3)
