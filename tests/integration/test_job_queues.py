"""Jobs on their way into the queues: durable when the sender is told so, and told in time."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from azure.core.exceptions import AzureError
from azure.storage.queue import TextBase64DecodePolicy
from azure.storage.queue.aio import QueueServiceClient

from dev.azurite import RunningAzurite
from dev.ports import LOOPBACK, choose_free_port
from shared.errors import ServiceUnavailable
from shared.jobs import LIVE_QUEUE, JobQueues, Later
from shared.models.jobs import ANY_JOB, FetchMessage

GRAPH_WAITS_SECONDS = 3.0


def fetches(count: int) -> list[Later]:
    account_id = uuid4()
    return [
        Later(FetchMessage(account_id=account_id, provider_message_id=f"message {number}", change="created"))
        for number in range(count)
    ]


@pytest.fixture
async def mute_service() -> AsyncIterator[QueueServiceClient]:
    """A queue service that takes connections and never answers."""
    ended = asyncio.Event()

    async def listen(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await ended.wait()
        writer.close()

    server = await asyncio.start_server(listen, LOOPBACK, 0)
    port = server.sockets[0].getsockname()[1]
    yield service_at(port)
    ended.set()
    server.close()
    await server.wait_closed()


def service_at(port: int) -> QueueServiceClient:
    key = "bWFkZSB1cA=="
    text = f"AccountName=one;AccountKey={key};QueueEndpoint=http://{LOOPBACK}:{port}/one;DefaultEndpointsProtocol=http"
    return QueueServiceClient.from_connection_string(text)


async def test_many_jobs_are_all_in_their_queue_when_send_returns(azurite: RunningAzurite) -> None:
    service = QueueServiceClient.from_connection_string(azurite.connection_string)
    queues = JobQueues(service)
    sent = fetches(300)
    await queues.send(sent)
    wanted = {later.job.provider_message_id for later in sent if isinstance(later.job, FetchMessage)}
    found: set[str] = set()
    async with service.get_queue_client(LIVE_QUEUE, message_decode_policy=TextBase64DecodePolicy()) as client:
        async for message in client.receive_messages(messages_per_page=32, max_messages=2_000):
            job = ANY_JOB.validate_json(message.content)
            if isinstance(job, FetchMessage) and job.account_id == sent[0].job.account_id:
                found.add(job.provider_message_id)
    assert found == wanted
    await queues.close()


async def test_no_jobs_need_no_queue(mute_service: QueueServiceClient) -> None:
    queues = JobQueues(mute_service)
    await queues.send_within(0.5, [])
    await queues.close()


async def test_a_queue_that_hangs_is_reported_before_graph_stops_waiting(mute_service: QueueServiceClient) -> None:
    queues = JobQueues(mute_service)
    started = time.monotonic()
    with pytest.raises(ServiceUnavailable):
        await queues.send_within(0.5, fetches(20))
    assert time.monotonic() - started < GRAPH_WAITS_SECONDS
    await queues.close()


async def test_a_queue_that_is_down_is_reported_in_time() -> None:
    queues = JobQueues(service_at(choose_free_port()))
    started = time.monotonic()
    with pytest.raises(ServiceUnavailable):
        await queues.send_within(0.5, fetches(20))
    assert time.monotonic() - started < GRAPH_WAITS_SECONDS
    await queues.close()


async def test_what_the_queue_service_refuses_is_raised_after_the_rest_has_settled(azurite: RunningAzurite) -> None:
    queues = JobQueues(QueueServiceClient.from_connection_string(azurite.connection_string))
    too_large = FetchMessage(account_id=uuid4(), provider_message_id=secrets.token_hex(512), change="created")
    refused = Later(too_large.model_copy(update={"change_key": "x" * 64 * 1024}))
    with pytest.raises(AzureError):
        await queues.send([refused, *fetches(5)])
    with pytest.raises(ServiceUnavailable):
        await queues.send_within(5, [*fetches(5), refused])
    await queues.close()
