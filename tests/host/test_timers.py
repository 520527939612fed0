"""Timer triggers: schedules, what is owed after a pause, retries, and one host at a time."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import azure.functions as func
import pytest

from dev.functions_host.app_settings import AppSettings
from dev.functions_host.application import index_functions
from dev.functions_host.errors import HostRefused
from dev.functions_host.host_json import SingletonOptions
from dev.functions_host.invocation import Worker
from dev.functions_host.queue_output import QueueOutputs
from dev.functions_host.schedules import read_schedule
from dev.functions_host.storage import HOST_STORAGE, StorageAccounts
from dev.functions_host.timer_listener import TimerListener
from dev.functions_host.timer_store import TimerStatus, TimerStore
from tests.host.hosting import running_host, soon, write_app

MONDAY = datetime(2026, 11, 23, 10, 0, 30).astimezone()


@pytest.mark.parametrize(
    ("text", "following"),
    [
        ("0 */5 * * * *", "11-23 10:05:00"),
        ("*/5 * * * *", "11-23 10:05:00"),
        ("15 0 12 * * *", "11-23 12:00:15"),
        ("0 0 9 * * Mon-Fri", "11-24 09:00:00"),
        ("0 0 9 * * 0", "11-29 09:00:00"),
        ("0 0 9 * January *", "01-01 09:00:00"),
        ("0 0 9 1 * Fri", "01-01 09:00:00"),  # day and weekday: both must match
        ("00:10:00", "11-23 10:10:30"),
    ],
)
def test_a_schedule_fires_when_the_host_would(text: str, following: str) -> None:
    assert read_schedule(text).next_after(MONDAY).strftime("%m-%d %H:%M:%S") == following


@pytest.mark.parametrize(
    "text", ["", "x", "* * * *", "0 0 9 * * 7", "@hourly", "61 * * * * *", "00:00:00", "0 0 L * * *"]
)
def test_a_schedule_that_the_host_cannot_read_is_refused(text: str) -> None:
    with pytest.raises(HostRefused):
        read_schedule(text)


class Fired:
    """A timer function that keeps what it was given, and fails as often as it is told."""

    def __init__(self, failures: int = 0) -> None:
        self.requests: list[func.TimerRequest] = []
        self.retries: list[int] = []
        self._failures = failures

    def record(self, request: func.TimerRequest, context: func.Context) -> None:
        self.requests.append(request)
        self.retries.append(context.retry_context.retry_count)
        if len(self.requests) <= self._failures:
            raise ValueError("as told")


MakeListener = Callable[..., TimerListener]


@pytest.fixture
async def blobs(storage: str) -> AsyncIterator[Any]:
    accounts = StorageAccounts(AppSettings({HOST_STORAGE: storage}))
    yield accounts.blobs(HOST_STORAGE)
    await accounts.close()


@pytest.fixture
def store(blobs: Any) -> TimerStore:  # noqa: ANN401 (a client whose type is imported late)
    return TimerStore(blobs, f"host-{uuid4().hex}", "tick")


@pytest.fixture
async def make_listener(store: TimerStore, storage: str) -> AsyncIterator[MakeListener]:
    made: list[TimerListener] = []
    settings = AppSettings({HOST_STORAGE: storage})
    accounts = StorageAccounts(settings)
    worker = Worker(threads=2, timeout_seconds=None, on_restart=print)

    def make(
        fired: Fired,
        schedule: str,
        *,
        runs_on_startup: bool = False,
        is_monitored: bool = True,
        retry: dict[str, Any] | None = None,
    ) -> TimerListener:
        def tick(t: func.TimerRequest, context: func.Context) -> None:
            fired.record(t, context)

        app = func.FunctionApp()
        declared = app.timer_trigger("t", schedule, run_on_startup=runs_on_startup, use_monitor=is_monitored)(tick)
        if retry:
            app.retry(**retry)(declared)
        [function] = index_functions(app, settings)
        outputs = QueueOutputs(accounts, settings, "base64", print)
        listener = TimerListener(
            function, store, settings=settings, worker=worker, outputs=outputs, singleton=SingletonOptions()
        )
        made.append(listener)
        return listener

    yield make
    for listener in made:
        await listener.stop()
        await listener.finish(0)
    await accounts.close()


async def saved(store: TimerStore) -> TimerStatus:
    status = await soon(store.read_status)
    assert status
    return status


async def is_moved(store: TimerStore) -> bool:
    return (await saved(store)).next > datetime.now(UTC)


async def test_a_new_timer_saves_when_it_is_due_and_does_not_fire(
    make_listener: MakeListener, store: TimerStore
) -> None:
    fired = Fired()
    make_listener(fired, "0 0 * * * *").start()
    status = await saved(store)
    assert status.last is None
    assert status.next > datetime.now(UTC)
    assert fired.requests == []


async def save_as_due(store: TimerStore, schedule: str, *, hours_ago: int) -> TimerStatus:
    last = datetime.now().astimezone() - timedelta(hours=hours_ago)
    status = TimerStatus(last, read_schedule(schedule).next_after(last), last)
    lease = await store.lease(15)  # creates the container
    assert lease
    async with lease.held():
        await store.write_status(status)
    return status


async def test_a_missed_occurrence_is_caught_up_once_and_says_so(
    make_listener: MakeListener, store: TimerStore
) -> None:
    owed = await save_as_due(store, "0 0 * * * *", hours_ago=5)
    fired = Fired()
    make_listener(fired, "0 0 * * * *").start()
    await soon(lambda: fired.requests)
    [request] = fired.requests
    assert request.past_due
    assert datetime.fromisoformat(request.schedule_status["Next"]) == owed.next  # type: ignore[attr-defined]  # the library's class has it
    await soon(lambda: is_moved(store))


async def test_a_changed_schedule_owes_nothing(make_listener: MakeListener, store: TimerStore) -> None:
    await save_as_due(store, "0 0 * * * *", hours_ago=5)
    fired = Fired()
    make_listener(fired, "0 30 12 * * *").start()
    await soon(lambda: is_moved(store))
    assert fired.requests == []


async def test_run_on_startup_fires_at_once_and_is_not_past_due(make_listener: MakeListener) -> None:
    fired = Fired()
    make_listener(fired, "0 0 * * * *", runs_on_startup=True).start()
    await soon(lambda: fired.requests)
    assert [request.past_due for request in fired.requests] == [False]


async def test_without_the_monitor_nothing_is_saved_or_told(make_listener: MakeListener, store: TimerStore) -> None:
    fired = Fired()
    make_listener(fired, "0 0 * * * *", runs_on_startup=True, is_monitored=False).start()
    await soon(lambda: fired.requests)
    assert fired.requests[0].schedule_status == {}  # type: ignore[attr-defined]  # the library's class has it
    assert await store.read_status() is None


async def test_a_schedule_of_seconds_fires_again_and_is_not_monitored(
    make_listener: MakeListener, store: TimerStore
) -> None:
    fired = Fired(failures=1)
    make_listener(fired, "* * * * * *").start()
    await soon(lambda: len(fired.requests) >= 3)  # the first one failed: errors do not stop the schedule
    assert await store.read_status() is None


async def test_a_fixed_delay_retries_and_counts_from_one(make_listener: MakeListener) -> None:
    fired = Fired(failures=2)
    retry = {"strategy": "fixed_delay", "max_retry_count": "3", "delay_interval": "00:00:00"}
    make_listener(fired, "0 0 * * * *", runs_on_startup=True, retry=retry).start()
    await soon(lambda: len(fired.requests) == 3)
    assert fired.retries == [0, 1, 2]


async def test_retries_end_with_the_policy(make_listener: MakeListener) -> None:
    fired = Fired(failures=9)
    retry = {"strategy": "exponential_backoff", "max_retry_count": "1",
             "minimum_interval": "00:00:00", "maximum_interval": "00:00:01"}  # fmt: skip
    with pytest.raises(ValueError, match="as told"):
        await make_listener(fired, "0 0 * * * *", retry=retry).run()
    assert fired.retries == [0, 1]


async def test_only_one_of_two_listeners_fires_and_the_other_takes_over(
    make_listener: MakeListener, store: TimerStore
) -> None:
    lease = await store.lease(15)
    assert lease
    assert await store.lease(15) is None
    async with lease.held():
        pass
    assert await store.lease(15) is not None


APP = """
import os, azure.functions as func
app = func.FunctionApp()

@app.timer_trigger("t", schedule="* * * * * *")
def tick(t: func.TimerRequest) -> None:
    with open(os.environ["RECORDS"], "a") as file:
        file.write("tick\\n")
"""


async def test_two_hosts_fire_one_timer_once_and_the_second_takes_over(storage: str, tmp_path: Path) -> None:
    settings = {"IsEncrypted": False, "Values": {"AzureWebJobsStorage": storage}}
    singleton = {"listenerLockPeriod": "00:00:15", "listenerLockRecoveryPollingInterval": "00:00:00.2"}
    app = write_app(tmp_path / "app", APP, settings=settings, singleton=singleton)
    with running_host(app) as first:
        await soon(lambda: first.records("tick"))
        with running_host(app) as second:
            before = len(first.records("tick"))
            await soon(lambda: len(first.records("tick")) >= before + 2)
            assert second.records("tick") == []
            first.stop()  # gives its lease back
            await soon(lambda: second.records("tick"))
