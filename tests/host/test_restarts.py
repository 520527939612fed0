"""Processes: the time limit, crashes, one process per group, and a clean end."""

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.host.conftest import Queues
from tests.host.hosting import RunningHost, eventually, refusal, running_host, soon, write_app

APP = """
import asyncio, json, os, sys, time
import azure.functions as func

app = func.FunctionApp(http_auth_level="ANONYMOUS")
calls = []

def record(*words):
    with open(os.environ["RECORDS"], "a") as file:
        file.write(" ".join(map(str, words)) + "\\n")

@app.route("memory")
async def memory(req: func.HttpRequest) -> func.HttpResponse:
    calls.append(1)
    return func.HttpResponse(json.dumps({"pid": os.getpid(), "calls": len(calls)}))

@app.route("stuck")
async def stuck(req: func.HttpRequest) -> func.HttpResponse:
    record("stuck")
    time.sleep(600)

@app.route("wait")
async def wait(req: func.HttpRequest) -> func.HttpResponse:
    record("wait")
    await asyncio.sleep(float(req.params["seconds"]))
    return func.HttpResponse("waited")

@app.route("leave")
def leave(req: func.HttpRequest) -> func.HttpResponse:
    sys.exit("enough")

@app.queue_trigger("msg", queue_name="%QUEUE%", connection="AzureWebJobsStorage")
async def work(msg: func.QueueMessage) -> None:
    calls.append(1)
    record("work", os.getpid(), len(calls), msg.dequeue_count)
    if msg.get_body() == b"wait":
        await asyncio.sleep(600 if msg.dequeue_count == 1 else 0)
    record("done", msg.get_body().decode())

@app.timer_trigger("t", schedule="0 0 0 1 1 *")
def yearly(t: func.TimerRequest) -> None:
    record("yearly", os.getpid())
"""
QUEUES = {"maxPollingInterval": "00:00:00.2"}


def app_in(folder: Path, storage: str, queue: str, **host: object) -> Path:
    settings = {"IsEncrypted": False, "Values": {"AzureWebJobsStorage": storage, "QUEUE": queue}}
    return write_app(folder / "app", APP, settings=settings, extensions={"queues": QUEUES}, **host)


def memory(host: RunningHost) -> dict[str, int]:
    content: dict[str, int] = httpx.get(f"{host.url}/api/memory", timeout=20).json()
    return content


@pytest.fixture(scope="module")
def limited(storage: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHost]:
    app = app_in(tmp_path_factory.mktemp("limited"), storage, "limited", functionTimeout="00:00:01")
    with running_host(app, "--functions", "memory", "stuck", "wait", "leave", "work") as host:
        yield host


async def test_the_time_limit_replaces_the_process_and_fails_all_that_runs(
    limited: RunningHost, encoded: Queues
) -> None:
    before = [memory(limited), memory(limited)]
    assert before[1]["calls"] == before[0]["calls"] + 1
    queue = encoded.get("limited")
    await queue.create_queue()
    answers: list[int] = []
    started = time.monotonic()
    asking = [
        threading.Thread(
            target=lambda path=path: answers.append(httpx.get(f"{limited.url}{path}", timeout=20).status_code)
        )
        for path in ("/api/stuck", "/api/wait?seconds=0")
    ]
    asking[0].start()
    await soon(lambda: limited.records("stuck"))
    asking[1].start()  # its loop is blocked by the first one
    await queue.send_message("wait")
    for thread in asking:
        thread.join()
    assert answers == [500, 500]
    assert 0.9 < time.monotonic() - started < 6
    after = memory(limited)  # waited for the new process, was not refused
    assert after == {"pid": before[0]["pid"], "calls": 1}
    assert "ran into functionTimeout" in limited.log
    await soon(lambda: limited.records("done wait"))  # the message came back without waiting for its lock


def test_a_function_that_ends_the_worker_gets_a_new_one(limited: RunningHost) -> None:
    assert memory(limited)["calls"] + 1 == memory(limited)["calls"]
    assert httpx.get(f"{limited.url}/api/leave").status_code == 500
    assert memory(limited)["calls"] == 1


def test_admin_restarts_the_process(limited: RunningHost) -> None:
    assert memory(limited)["calls"] + 1 == memory(limited)["calls"]
    assert httpx.post(f"{limited.url}/admin/host/restart").status_code == 200
    eventually(lambda: memory(limited)["calls"] == 1)


def test_a_signal_ends_the_one_process_after_it_has_answered_what_it_was_asked(limited: RunningHost) -> None:
    assert limited.children() == []
    answers: list[str] = []
    asking = threading.Thread(target=lambda: answers.append(httpx.get(f"{limited.url}/api/wait?seconds=0.7").text))
    before = len(limited.records("wait"))
    asking.start()
    eventually(lambda: len(limited.records("wait")) > before)
    assert limited.stop() == 0
    asking.join()
    assert answers == ["waited"]
    assert not is_served(limited)


def is_served(host: RunningHost) -> bool:
    port = int(host.url.rpartition(":")[2])
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


@pytest.fixture(scope="module")
def separate(storage: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHost]:
    app = app_in(tmp_path_factory.mktemp("separate"), storage, "separate")
    with running_host(app, "--separate-groups", "--functions", "memory", "work", "yearly") as host:
        eventually(lambda: len(host.children()) == 3)
        yield host


def run_by_hand(host: RunningHost, function: str) -> None:
    assert httpx.post(f"{host.url}/admin/functions/{function}", json={"input": ""}).status_code == 202


async def test_groups_share_no_memory_and_a_killed_one_comes_back(separate: RunningHost, encoded: Queues) -> None:
    assert [memory(separate)["calls"] for _ in range(2)] == [1, 2]
    queue = encoded.get("separate")
    await queue.create_queue()
    await queue.send_message("a")
    [line] = await soon(lambda: separate.records("work"))
    _, worker, calls, _ = line.split()
    assert int(worker) != memory(separate)["pid"]
    assert calls == "1"
    run_by_hand(separate, "yearly")
    await soon(lambda: separate.records("yearly"))
    assert len({worker, separate.records("yearly")[0].split()[1], str(memory(separate)["pid"])}) == 3

    os.kill(int(worker), signal.SIGKILL)
    await queue.send_message("b")
    await soon(lambda: len(separate.records("work")) == 2)
    _, successor, calls, _ = separate.records("work")[1].split()
    assert (successor != worker, calls) == (True, "1")

    served_by = memory(separate)["pid"]
    os.kill(served_by, signal.SIGKILL)
    assert memory(separate)["pid"] != served_by  # the request waited for the new process


def test_ctrl_c_leaves_no_process(separate: RunningHost) -> None:
    children = separate.children()
    assert separate.stop(signal.SIGINT) == 0
    assert [child for child in children if child.is_running()] == []
    assert not is_served(separate)


def test_the_end_of_the_supervisor_is_the_end_of_all(storage: str, tmp_path: Path) -> None:
    with running_host(app_in(tmp_path, storage, "none"), "--separate-groups", "--functions", "memory") as host:
        children = host.children()
        assert len(children) == 1
        host.process.kill()
        _, alive = psutil.wait_procs(children, timeout=10)
        assert alive == []
        assert not is_served(host)


def test_a_refused_app_ends_the_supervisor_too(tmp_path: Path) -> None:
    app = write_app(tmp_path / "app", "import azure.functions")
    code, told = refusal(app, "--separate-groups")
    assert code == 2
    assert "Could not find top level function app instances" in told
