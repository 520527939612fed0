"""Sending jobs to the storage queues from which the queue triggers take them."""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import TextBase64EncodePolicy
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from shared.errors import ServiceUnavailable
from shared.models.jobs import (
    AnyJob,
    ApplyNotification,
    AuditMailbox,
    EnsureSubscription,
    FetchMessage,
    IndexMessages,
    RemoveAccount,
    ReviveAccount,
    StartSync,
    SyncChanges,
    SyncLane,
)
from shared.telemetry import Kind, sent_context, span

LIVE_QUEUE: Final = "mail-live"
SYNC_QUEUE: Final = "mail-sync"
CHANGES_QUEUE: Final = "mail-changes"
UPKEEP_QUEUE: Final = "mail-upkeep"
QUEUES: Final = (LIVE_QUEUE, SYNC_QUEUE, CHANGES_QUEUE, UPKEEP_QUEUE)

MOST_PEEKED: Final = 32
SENT_TOGETHER: Final = 16

QUEUE_BY_JOB: Final[dict[type, str]] = {
    FetchMessage: LIVE_QUEUE,
    ApplyNotification: LIVE_QUEUE,
    StartSync: SYNC_QUEUE,
    SyncLane: SYNC_QUEUE,
    SyncChanges: CHANGES_QUEUE,
    EnsureSubscription: UPKEEP_QUEUE,
    IndexMessages: UPKEEP_QUEUE,
    AuditMailbox: UPKEEP_QUEUE,
    ReviveAccount: UPKEEP_QUEUE,
    RemoveAccount: UPKEEP_QUEUE,
}


@dataclass(frozen=True, slots=True)
class Later:
    """A job to send, invisible to its trigger for `delay_seconds`."""

    job: AnyJob
    delay_seconds: float = 0
    reason: str | None = None  # the code of the error that made it one for later


@dataclass(frozen=True, slots=True)
class QueueFigures:
    queue: str
    messages: int  # those for later included
    waiting: int  # that could run now, up to 32
    oldest_seconds: float  # since the first of them was sent


class JobQueues:
    """
    The queues by name. A job is in its queue, durably, when `send` returns; it may be delivered twice.

    Send after the commit of what the job works on: a timer finds what was committed and never sent.
    """

    def __init__(self, service: QueueServiceClient) -> None:
        self._service = service
        self._clients: dict[str, QueueClient] = {}

    async def send(self, jobs: Iterable[Later]) -> None:
        """Send jobs, several at a time and in no order. Raises the first failure once the others have settled."""
        waiting = list(jobs)
        rest = iter(waiting)
        senders = [self._send_all(rest) for _ in range(min(len(waiting), SENT_TOGETHER))]
        outcomes = await asyncio.gather(*senders, return_exceptions=True)
        for outcome in outcomes:
            if outcome is not None:
                raise outcome

    async def send_within(self, seconds: float, jobs: Iterable[Later]) -> None:
        """Send jobs for somebody who waits. Raises ServiceUnavailable when some may not be in their queues by then."""
        try:
            async with asyncio.timeout(seconds):
                await self.send(jobs)
        except (TimeoutError, AzureError) as exc:
            raise ServiceUnavailable(f"the queues do not take jobs: {type(exc).__name__}") from exc

    async def _send_all(self, jobs: Iterator[Later]) -> None:
        for later in jobs:
            await self._send(QUEUE_BY_JOB[type(later.job)], _text_of(later.job), round(later.delay_seconds))

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


def _text_of(job: AnyJob) -> str:
    """Write a job, with the trace that it belongs to."""
    with span(f"send {job.kind}", Kind.PRODUCER, {"mail.account_id": str(job.account_id)}):
        stamps: dict[str, object] = {"traceparent": sent_context()}
    if QUEUE_BY_JOB[type(job)] == LIVE_QUEUE and job.noticed_at is None:
        stamps["noticed_at"] = datetime.now(UTC)
    return job.model_copy(update=stamps).model_dump_json(exclude_none=True)


async def create_queue(client: QueueClient) -> None:
    """Create a queue, unless somebody just did."""
    try:
        await client.create_queue()
    except ResourceExistsError:
        return
