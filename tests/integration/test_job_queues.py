"""Jobs on their way into the queues: durable when the sender is told so, and told in time."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
from azure.core.exceptions import AzureError
from azure.storage.queue import TextBase64DecodePolicy
from azure.storage.queue.aio import QueueServiceClient

from dev.azurite import RunningAzurite
from dev.ports import LOOPBACK, choose_free_port
from shared.errors import ServiceUnavailable
from shared.job_queues import JobQueues
from shared.jobs import LIVE_QUEUE, Later
from shared.models.jobs import QUEUE_MESSAGE, ApplyNotification, FetchMessage, JobBatch, LiveJob

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


@pytest.fixture
async def queues(azurite: RunningAzurite) -> AsyncIterator[JobQueues]:
    queues = JobQueues(QueueServiceClient.from_connection_string(azurite.connection_string))
    yield queues
    await queues.close()


async def sent_for(azurite: RunningAzurite, account_id: UUID) -> list[list[LiveJob]]:
    """The account's live jobs in the queue, those of one message together."""
    found: list[list[LiveJob]] = []
    async with QueueServiceClient.from_connection_string(azurite.connection_string) as service:
        client = service.get_queue_client(LIVE_QUEUE, message_decode_policy=TextBase64DecodePolicy())
        async for message in client.receive_messages(messages_per_page=32, max_messages=2_000, visibility_timeout=1):
            content = QUEUE_MESSAGE.validate_json(message.content)
            jobs = content.jobs if isinstance(content, JobBatch) else [content]
            found.append([job for job in jobs if isinstance(job, LiveJob) and job.account_id == account_id])
    return [jobs for jobs in found if jobs]


def with_content(account_id: UUID, number: int, size: int) -> Later:
    return Later(
        ApplyNotification(
            account_id=account_id,
            provider_message_id=f"message {number}",
            certificate_id="one",
            data="x" * size,
            data_key="key",
            data_signature="signature",
        )
    )


async def test_many_jobs_are_all_in_their_queue_when_send_returns(azurite: RunningAzurite, queues: JobQueues) -> None:
    sent = fetches(300)
    await queues.send(sent)
    found = await sent_for(azurite, sent[0].job.account_id)
    assert {job.provider_message_id for jobs in found for job in jobs} == {f"message {number}" for number in range(300)}
    assert len(found) == 19  # sixteen to a queue message


async def test_jobs_of_one_delay_share_messages_as_far_as_there_is_room(
    azurite: RunningAzurite, queues: JobQueues
) -> None:
    account_id = uuid4()
    sizes = [100, 39_000, 30_000, 9_000, 40_000, 10]
    await queues.send([with_content(account_id, number, size) for number, size in enumerate(sizes)])
    found = await sent_for(azurite, account_id)
    numbers = sorted([int(job.provider_message_id.split()[1]) for job in jobs] for jobs in found)
    assert numbers == [[0, 1], [2, 3], [4], [5]]


async def test_a_job_that_is_sent_apart_shares_no_message(azurite: RunningAzurite, queues: JobQueues) -> None:
    sent = fetches(3)
    await queues.send_apart(later.job for later in sent)
    assert [len(jobs) for jobs in await sent_for(azurite, sent[0].job.account_id)] == [1, 1, 1]


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


async def test_what_the_queue_service_refuses_is_raised_after_the_rest_has_settled(queues: JobQueues) -> None:
    too_large = FetchMessage(account_id=uuid4(), provider_message_id=secrets.token_hex(512), change="created")
    refused = Later(too_large.model_copy(update={"change_key": "x" * 64 * 1024}))
    with pytest.raises(AzureError):
        await queues.send([refused, *fetches(5)])
    with pytest.raises(ServiceUnavailable):
        await queues.send_within(5, [*fetches(5), refused])
