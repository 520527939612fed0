"""The worker in the host: what ends an invocation, and what the function sees of it."""

import asyncio
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import azure.functions as func
import pytest
from azure.functions.meta import Datum

from dev.functions_host.app_settings import AppSettings
from dev.functions_host.application import AppFunction, index_functions
from dev.functions_host.errors import InvocationFailed, WorkerRestarted
from dev.functions_host.invocation import Trigger, Worker

TRIGGER = Trigger(reason="a test", data=Datum("text", "string"))


class Restarts(list[str]):
    """The reasons for which the worker asked to be replaced."""


@pytest.fixture
def restarts() -> Restarts:
    return Restarts()


@pytest.fixture
def worker(restarts: Restarts) -> Worker:
    return Worker(threads=1, timeout_seconds=0.5, on_restart=restarts.append)


def function(call: Callable[..., Any]) -> AppFunction:
    app = func.FunctionApp()
    app.queue_trigger("msg", queue_name="jobs", connection="C")(call)
    return index_functions(app, AppSettings({}))[0]


async def test_coroutines_share_one_loop_and_the_rest_runs_on_threads(worker: Worker) -> None:
    seen: list[object] = []

    async def on_loop(msg: str) -> None:
        seen.append(asyncio.get_running_loop())

    def on_thread(msg: str) -> None:
        seen.append(threading.current_thread().name)

    for _ in range(2):
        await worker.invoke(function(on_loop), TRIGGER)
    await worker.invoke(function(on_thread), TRIGGER)
    assert seen[0] is seen[1] is not asyncio.get_running_loop()
    assert str(seen[2]).startswith("function")


async def test_the_time_limit_fails_the_invocation_and_asks_for_a_new_process(
    worker: Worker, restarts: Restarts
) -> None:
    async def endless(msg: str) -> None:
        await asyncio.sleep(600)

    with pytest.raises(TimeoutError):
        await worker.invoke(function(endless), TRIGGER)
    assert restarts == ["endless ran into functionTimeout"]


async def test_sys_exit_fails_the_invocation_and_asks_for_a_new_process(worker: Worker, restarts: Restarts) -> None:
    def leave(msg: str) -> None:
        sys.exit("enough")

    async def leave_loop(msg: str) -> None:
        sys.exit("enough")

    for call in (leave, leave_loop):
        with pytest.raises(WorkerRestarted):
            await worker.invoke(function(call), TRIGGER)
    assert len(restarts) == 2


async def test_a_restart_ends_what_runs_at_once_and_starts_nothing_more(worker: Worker) -> None:
    started = threading.Event()

    def wait(msg: str) -> None:
        started.set()
        time.sleep(0.4)

    running = asyncio.create_task(worker.invoke(function(wait), TRIGGER))
    await asyncio.to_thread(started.wait)
    worker.fail_running()
    with pytest.raises(WorkerRestarted):
        await asyncio.wait_for(running, 0.2)
    with pytest.raises(WorkerRestarted):
        await worker.invoke(function(wait), TRIGGER)


async def test_a_wrapper_that_is_no_coroutine_function_fails_over_its_coroutine(worker: Worker) -> None:
    async def real(msg: str) -> None:
        return None

    def wrapper(msg: str) -> Any:  # noqa: ANN401 (a coroutine, by mistake)
        made = real(msg)
        made.close()
        return made

    with pytest.raises(InvocationFailed, match="non-None"):
        await worker.invoke(function(wrapper), TRIGGER)
