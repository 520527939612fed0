"""Our host, message by message, beside what Microsoft's is recorded to do: `tests/host/recorded/messages.json`."""

import base64
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueClient, QueueServiceClient

from tests.host.declared import RECORDED
from tests.host.hosting import RunningHost, copy_app, eventually, running_host

RECORDS: dict[str, list[dict[str, Any]]] = json.loads((RECORDED / "messages.json").read_text())
QUEUES = ("messages", "texts", "forwards", "values", "outputs")


@pytest.fixture(scope="module")
def service(storage: str) -> Iterator[QueueServiceClient]:
    with QueueServiceClient.from_connection_string(storage) as client:
        for name in QUEUES:
            client.create_queue(name)
        yield client


@pytest.fixture(scope="module")
def host(service: QueueServiceClient, storage: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHost]:
    settings = {"Values": {"AzureWebJobsStorage": storage}}
    with running_host(copy_app("messages", tmp_path_factory.mktemp("app") / "app", settings=settings)) as running:
        yield running


def name_of(row: dict[str, Any]) -> str:
    return str(row["name"])


def given(host: RunningHost, function: str) -> list[dict[str, Any]]:
    return [record for line in host.records() if (record := json.loads(line)).pop("function") == function]


def arrived(host: RunningHost, body: str) -> list[dict[str, Any]]:
    return [record for line in host.records() if (record := json.loads(line)).get("body") == body]


def is_empty(queue: QueueClient) -> bool:
    return queue.get_queue_properties().approximate_message_count == 0


def taken_out(queue: QueueClient, count: int) -> list[str]:
    """Wait for so many messages, and take all that are there out of the queue."""
    eventually(lambda: queue.get_queue_properties().approximate_message_count == count)
    messages = list(queue.receive_messages(max_messages=32))
    for message in messages:
        queue.delete_message(message)
    return [base64.b64decode(message.content).decode() for message in messages]


def copies(queue: QueueClient, content: str) -> list[tuple[str, int]]:
    """Return id and dequeue count of each message with this content."""
    with suppress(ResourceNotFoundError):
        peeked = queue.peek_messages(32)
        return [(message.id, message.dequeue_count or 0) for message in peeked if message.content == content]
    return []


@pytest.mark.parametrize("row", RECORDS["messages"], ids=name_of)
def test_a_message_arrives_and_ends_as_recorded(
    row: dict[str, Any], host: RunningHost, service: QueueServiceClient
) -> None:
    queue, poison = service.get_queue_client(row["queue"]), service.get_queue_client(f"{row['queue']}-poison")
    text = row["sent"].get("text")
    content = row["sent"]["raw"] if text is None else base64.b64encode(text.encode()).decode()
    sent = queue.send_message(content)
    eventually(lambda: is_empty(queue))
    assert arrived(host, text or content) == row["arrives"], row["source"]
    moved = copies(poison, content)
    assert [count for _, count in moved] == ([0] if row["is_poisoned"] else [])
    assert sent.id not in dict(moved)
    if "outputs" in row:
        outputs = service.get_queue_client("outputs")
        assert taken_out(outputs, len(row["outputs"])) == row["outputs"], row["source"]


@pytest.mark.parametrize("row", RECORDS["writes"], ids=name_of)
def test_an_output_is_written_as_recorded(row: dict[str, Any], host: RunningHost, service: QueueServiceClient) -> None:
    httpx.post(f"{host.url}/api/write", json=row["written"]).raise_for_status()
    outputs = service.get_queue_client("outputs")
    assert taken_out(outputs, len(row["outputs"])) == row["outputs"], row["source"]


@pytest.mark.parametrize("row", RECORDS["timers"], ids=name_of)
def test_a_timer_is_given_what_is_recorded(row: dict[str, Any], host: RunningHost) -> None:
    def is_given() -> bool:
        before = len(given(host, row["function"]))
        httpx.post(f"{host.url}/admin/functions/{row['function']}", json={"input": ""}).raise_for_status()
        eventually(lambda: len(given(host, row["function"])) > before)
        return bool(given(host, row["function"])[-1] == row["given"])

    eventually(is_given)  # a status is saved when the timer's lease is taken, which may take a moment
