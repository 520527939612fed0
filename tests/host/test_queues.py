"""Queue triggers over time, and the administration. What a message brings and becomes: test_recorded_messages.py."""

import asyncio
import base64
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from tests.host.conftest import Queues
from tests.host.hosting import RunningHost, copy_app, running_host, soon

QUEUES = {"QUEUE": "work", "TEXT_QUEUE": "Text", "FORWARD_QUEUE": "forward"}


@pytest.fixture(scope="module")
def host(storage: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHost]:
    settings = {"Values": {"AzureWebJobsStorage": storage, **QUEUES}}
    app = copy_app("queue", tmp_path_factory.mktemp("queue") / "app", settings=settings)
    with running_host(app, "--message-lock-seconds", "2") as running:
        yield running


@pytest.fixture
async def work(encoded: Queues) -> QueueClient:
    return await existing(encoded.get("work"))


async def existing(client: QueueClient) -> QueueClient:
    with suppress(ResourceExistsError):
        await client.create_queue()
    return client


async def is_in(client: QueueClient, text: str) -> bool:
    """Return whether a message with this text, encoded, can be seen now."""
    with suppress(ResourceNotFoundError):
        encoded = base64.b64encode(text.encode()).decode()
        return any(message.content in {encoded, text} for message in await client.peek_messages(32))
    return False


async def is_empty(client: QueueClient) -> bool:
    return (await client.get_queue_properties()).approximate_message_count == 0


async def test_a_queue_that_is_created_later_is_found(host: RunningHost, encoded: Queues) -> None:
    queue = await existing(encoded.get("text"))
    await queue.send_message("late")
    await soon(lambda: host.records("text str late"))


async def test_a_message_received_too_often_goes_to_poison_without_running(
    host: RunningHost, work: QueueClient, encoded: Queues, queues: QueueServiceClient
) -> None:
    raw = queues.get_queue_client("work")
    async with httpx.AsyncClient(base_url=host.url) as client:
        await client.post("/admin/host/drain")
        await work.send_message("crashed")
        for _ in range(6):  # as six hosts would that died over it
            message = await raw.receive_message()
            assert message
            await raw.update_message(message, visibility_timeout=0)
        await client.post("/admin/host/resume")
    await soon(lambda: is_in(encoded.get("work-poison"), "crashed"))
    assert host.records("work crashed") == []


async def test_a_long_run_keeps_its_message_invisible(host: RunningHost, work: QueueClient) -> None:
    await work.send_message("wait 3.2 long")  # the lock is two seconds here
    await soon(lambda: host.records("done wait 3.2 long"))
    assert len(host.records("work wait 3.2 long")) == 1
    await soon(lambda: is_empty(work))


async def test_many_messages_are_worked_on_at_once(host: RunningHost, work: QueueClient) -> None:
    await asyncio.gather(*(work.send_message(f"wait 0.5 batch{number}") for number in range(16)))
    await soon(lambda: len(host.records("done wait 0.5 batch")) == 16)
    starts = [float(line.split()[-1]) for line in host.records("work wait 0.5 batch")]
    assert max(starts) - min(starts) < 4  # one after another would be eight seconds


async def test_a_returned_text_becomes_a_message_and_wakes_its_poller(host: RunningHost, encoded: Queues) -> None:
    queue = await existing(encoded.get("forward"))
    await queue.send_message("a")
    await soon(lambda: host.records("text str forwarded a"))


async def test_outputs_are_split_and_rewritten_as_the_host_does(host: RunningHost) -> None:
    async with httpx.AsyncClient(base_url=host.url) as client:
        await client.get("/api/send", params={"one": '["first", {"a":1}]', "many": '["second", "third"]'})
    await soon(lambda: {"text str first", "text str second", "text str third"} <= set(host.records()))
    await soon(lambda: '{\n  "a": 1\n}' in host.records_file.read_text())


async def test_admin_runs_queue_and_timer_functions_in_the_background(host: RunningHost) -> None:
    async with httpx.AsyncClient(base_url=host.url) as client:
        assert (await client.post("/admin/functions/Work", json={"input": "by hand"})).status_code == 202
        assert (await client.post("/admin/functions/yearly", json={"input": ""})).status_code == 202
        assert (await client.post("/admin/functions/work")).status_code == 400
        assert (await client.post("/admin/functions/none", json={"input": ""})).status_code == 404
    await soon(lambda: host.records("done by hand"))
    await soon(lambda: host.records("yearly False"))


async def test_admin_describes_the_host_and_its_functions(host: RunningHost) -> None:
    async with httpx.AsyncClient(base_url=host.url) as client:
        status = (await client.get("/admin/host/status")).json()
        assert status["state"] == "Running"
        assert status["processUptime"] > 0
        assert (await client.get("/admin/host/ping")).status_code == 200
        listed = {entry["name"]: entry for entry in (await client.get("/admin/functions")).json()}
        assert listed["send"]["invoke_url_template"] == f"{host.url}/api/send"
        assert listed["work"]["config"]["bindings"][0]["type"] == "queueTrigger"
        assert (await client.get("/admin/functions/work")).json()["name"] == "work"
        assert (await client.get("/admin/functions/work/status")).json() == {}
        assert (await client.post("/admin/host/synctriggers")).json() == {"status": "success"}
        assert (await client.get("/admin/none")).status_code == 404


async def test_a_drained_host_takes_no_messages_until_it_resumes(host: RunningHost, work: QueueClient) -> None:
    async with httpx.AsyncClient(base_url=host.url) as client:
        assert (await client.post("/admin/host/drain")).status_code == 202
        await work.send_message("while draining")
        assert (await client.get("/admin/host/status")).json()["isDraining"]
        assert host.records("work while draining") == []
        assert (await client.post("/admin/host/resume")).json() == {"state": "Running"}
    await soon(lambda: host.records("done while draining"))


async def test_stopping_gives_unfinished_messages_back_at_once(storage: str, encoded: Queues, tmp_path: Path) -> None:
    queue = await encoded.create()
    long = {"AzureFunctionsJobHost__extensions__queues__visibilityTimeout": "00:10:00"}
    settings = {"Values": {"AzureWebJobsStorage": storage, **QUEUES, **long, "QUEUE": queue.queue_name}}
    app = copy_app("queue", tmp_path / "app", settings=settings)
    with running_host(app, "--drain-seconds", "0.2") as host:
        await queue.send_message("wait 60 unfinished")
        await soon(lambda: host.records("work wait 60 unfinished"))
        assert host.stop() == 0
    [message] = await queue.peek_messages(32)
    assert message.dequeue_count == 1
