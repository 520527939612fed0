"""Sending jobs to the storage queues from which the queue triggers take them."""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import TextBase64EncodePolicy
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from shared.errors import ServiceUnavailable
from shared.jobs import LIVE_QUEUE, QUEUE_BY_JOB, QUEUES, Later, QueueFigures
from shared.models.jobs import AnyJob, JobBatch, LiveJob
from shared.telemetry import Kind, sent_context, span

MOST_PEEKED: Final = 32
SENT_AT_ONCE: Final = 16
BATCH_JOBS: Final = 16
BATCH_BYTES: Final = 40_000  # a queue message has room for 48 KiB


@dataclass(frozen=True, slots=True)
class _Message:
    queue: str
    text: str
    delay_seconds: int


class JobQueues:
    """
    The queues by name. A job is in its queue, durably, when `send` returns; it may be delivered twice.

    Send after the commit of what the job works on: a timer finds what was committed and never sent.
    """

    def __init__(self, service: QueueServiceClient) -> None:
        self._service = service
        self._clients: dict[str, QueueClient] = {}

    async def send(self, jobs: Iterable[Later]) -> None:
        """
        Send jobs, several at a time and in no order; live jobs share queue messages.

        Raises the first failure once the others have settled.
        """
        await self._send_all(list(_messages_of(jobs)))

    async def send_apart(self, jobs: Iterable[AnyJob]) -> None:
        """Send each job in a queue message of its own, to fail for itself if it does. Raises as `send` does."""
        await self._send_all([_message_of(_stamped(job), 0) for job in jobs])

    async def send_within(self, seconds: float, jobs: Iterable[Later]) -> None:
        """Send jobs for somebody who waits. Raises ServiceUnavailable when some may not be in their queues by then."""
        try:
            async with asyncio.timeout(seconds):
                await self.send(jobs)
        except (TimeoutError, AzureError) as exc:
            raise ServiceUnavailable(f"the queues do not take jobs: {type(exc).__name__}") from exc

    async def _send_all(self, messages: Collection[_Message]) -> None:
        rest = iter(messages)
        senders = [self._send_some(rest) for _ in range(min(len(messages), SENT_AT_ONCE))]
        outcomes = await asyncio.gather(*senders, return_exceptions=True)
        for outcome in outcomes:
            if outcome is not None:
                raise outcome

    async def _send_some(self, messages: Iterator[_Message]) -> None:
        for message in messages:
            await self._send(message.queue, message.text, message.delay_seconds)

    async def send_again(self, queue: str, body: bytes) -> None:
        """Put a message that failed for good into its queue as it was, for another round of attempts."""
        await self._send(queue, body.decode(errors="replace"), 0)

    async def _send(self, queue: str, text: str, delay_seconds: int) -> None:
        client = self._client(queue)
        try:
            await client.send_message(text, visibility_timeout=delay_seconds, time_to_live=-1)
        except ResourceNotFoundError:
            await create_queue(client)
            await client.send_message(text, visibility_timeout=delay_seconds, time_to_live=-1)

    async def figures(self) -> list[QueueFigures]:
        """Tell how full each queue is. A queue that does not exist yet is empty."""
        return [await self._figures_of(queue) for queue in QUEUES]

    async def _figures_of(self, queue: str) -> QueueFigures:
        client = self._client(queue)
        try:
            properties = await client.get_queue_properties()
            waiting = await client.peek_messages(MOST_PEEKED)
        except ResourceNotFoundError:
            return QueueFigures(queue, 0, 0, 0)
        oldest = min((message.inserted_on or datetime.now(UTC) for message in waiting), default=datetime.now(UTC))
        age = max(0, (datetime.now(UTC) - oldest).total_seconds())
        return QueueFigures(queue, properties.approximate_message_count or 0, len(waiting), age)

    async def ready(self) -> None:
        """Raise azure.core's AzureError when the queue service does not answer."""
        await self._service.get_service_properties()

    async def close(self) -> None:
        for client in self._clients.values():
            await client.close()
        await self._service.close()

    def _client(self, queue: str) -> QueueClient:
        if queue not in self._clients:
            self._clients[queue] = self._service.get_queue_client(queue, message_encode_policy=TextBase64EncodePolicy())
        return self._clients[queue]


def _messages_of(jobs: Iterable[Later]) -> Iterator[_Message]:
    live: defaultdict[int, list[LiveJob]] = defaultdict(list)
    for later in jobs:
        job, delay_seconds = _stamped(later.job), round(later.delay_seconds)
        if isinstance(job, LiveJob):
            live[delay_seconds].append(job)
        else:
            yield _message_of(job, delay_seconds)
    for delay_seconds, together in live.items():
        for batch in _batches_of(together):
            yield _message_of(batch[0] if len(batch) == 1 else JobBatch(jobs=tuple(batch)), delay_seconds)


def _batches_of(jobs: Iterable[LiveJob]) -> Iterator[Sequence[LiveJob]]:
    batch: list[LiveJob] = []
    size = 0
    for job in jobs:
        job_bytes = len(_text_of(job).encode()) + 1
        if batch and (len(batch) == BATCH_JOBS or size + job_bytes > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(job)
        size += job_bytes
    if batch:
        yield batch


def _message_of(content: AnyJob | JobBatch, delay_seconds: int) -> _Message:
    queue = LIVE_QUEUE if isinstance(content, JobBatch) else QUEUE_BY_JOB[type(content)]
    return _Message(queue, _text_of(content), delay_seconds)


def _text_of(content: AnyJob | JobBatch) -> str:
    return content.model_dump_json(exclude_none=True)


def _stamped(job: AnyJob) -> AnyJob:
    """Give a job the trace that it belongs to, and the time of the notice that it stands for."""
    with span(f"send {job.kind}", Kind.PRODUCER, {"mail.account_id": str(job.account_id)}):
        stamps: dict[str, object] = {"traceparent": sent_context()}
    if QUEUE_BY_JOB[type(job)] == LIVE_QUEUE and job.noticed_at is None:
        stamps["noticed_at"] = datetime.now(UTC)
    return job.model_copy(update=stamps)


async def create_queue(client: QueueClient) -> None:
    """Create a queue, unless somebody just did."""
    try:
        await client.create_queue()
    except ResourceExistsError:
        return
