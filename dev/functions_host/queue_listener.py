"""One queue trigger: polling, keeping messages invisible while they are worked on, deleting or poisoning them."""

import asyncio
import json
import logging
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Final

from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.functions.meta import Datum
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

from dev.functions_host.application import AppFunction
from dev.functions_host.backoff import Backoff
from dev.functions_host.host_json import QueueOptions
from dev.functions_host.invocation import Trigger, Worker
from dev.functions_host.queue_output import QueueOutputs, decode
from dev.functions_host.retries import invoke_with_retries
from dev.functions_host.storage import create_queue

log = logging.getLogger(__name__)

_SHORTEST_IDLE_SECONDS: Final = 0.1
_LONGEST_QUEUE_NAME: Final = 63
_LAST_REQUEST_SECONDS: Final = 5
_POISON: Final = "-poison"
_TRY_AGAIN_SECONDS: Final = (0.2, 1.0, 3.0)


class _Claim:
    """A received message whose invisibility is being renewed; every renewal changes its pop receipt."""

    def __init__(self, client: QueueClient, message: QueueMessage, lock_seconds: int) -> None:
        self._client = client
        self._message = message
        self._lock_seconds = lock_seconds
        self._finished = asyncio.Event()
        self._pop_receipt = message.pop_receipt
        self._renewing = asyncio.create_task(self._renew())

    async def delete(self) -> None:
        await self._settle(lambda: self._client.delete_message(self._message.id, self._pop_receipt))

    async def release(self, seconds: float) -> None:
        """Let the message be received again after `seconds`."""
        update: Any = self._client.update_message
        await self._settle(lambda: update(self._message.id, self._pop_receipt, visibility_timeout=round(seconds)))

    async def leave(self) -> None:
        """Stop renewing; the message comes back when its invisibility ends."""
        self._finished.set()
        await self._renewing

    async def _settle(self, act: Callable[[], Awaitable[Any]]) -> None:
        await self.leave()
        try:
            await _trying_again(act)
        except HttpResponseError as exc:
            if not _is_lost(exc):
                raise
            log.warning("Message %s was taken by somebody else meanwhile", self._message.id)

    async def _renew(self) -> None:
        wait = self._lock_seconds / 2
        while not await _happens(self._finished, wait):
            try:
                renewed = await self._client.update_message(
                    self._message.id, self._pop_receipt, visibility_timeout=self._lock_seconds
                )
            except AzureError as exc:
                if _is_lost(exc):
                    log.warning("Message %s is not ours any more; its function goes on", self._message.id)
                    return
                wait = max(wait / 2, self._lock_seconds / 10)
            else:
                wait, self._pop_receipt = self._lock_seconds / 2, renewed.pop_receipt


class QueueListener:
    """Polls the queue of one function. `wake` ends an idle wait; `stop` takes no more messages."""

    def __init__(
        self,
        function: AppFunction,
        queue: QueueClient,
        poison: QueueClient,
        *,
        worker: Worker,
        outputs: QueueOutputs,
        options: QueueOptions,
        lock_seconds: int,
    ) -> None:
        self.function = function
        self._queue = queue
        name = queue.queue_name
        self._poison = poison if _has_poison_queue(name) else None
        self._worker, self._outputs, self._options = worker, outputs, options
        self._lock_seconds = lock_seconds
        self._idle = Backoff(_SHORTEST_IDLE_SECONDS, options.max_polling_interval)
        self._woken = asyncio.Event()
        self._messages: set[asyncio.Task[None]] = set()
        self._polling: asyncio.Task[None] | None = None
        self._is_failing = False
        self._stopping = asyncio.Event()
        self._is_ending = False

    def start(self) -> None:
        self._stopping.clear()
        if self._polling is None or self._polling.done():
            self._polling = asyncio.create_task(self._poll(), name=f"poll {self._queue.queue_name}")

    def wake(self) -> None:
        self._woken.set()

    async def stop(self) -> None:
        """Take no more messages; those received already are worked on."""
        self._stopping.set()
        self._woken.set()
        if self._polling:
            # A request that is cut off may have taken messages, which nobody would see until their lock ends.
            await asyncio.wait({self._polling}, timeout=_LAST_REQUEST_SECONDS)
            self._polling.cancel()

    async def finish(self, seconds: float) -> bool:
        """Wait for the messages in work; return whether none is left."""
        if self._messages:
            await asyncio.wait(self._messages, timeout=seconds)
        return not self._messages

    def give_back(self) -> None:
        """From now on a message whose function does not succeed is visible again at once."""
        self._is_ending = True

    async def _poll(self) -> None:
        while not self._stopping.is_set():
            messages = await self._receive()
            if not messages:
                await _happens(self._woken, self._idle.next_seconds())
                self._woken.clear()
                continue
            self._idle.reset()
            for message in messages:
                task = asyncio.create_task(self._work_on(message))
                self._messages.add(task)
                task.add_done_callback(self._messages.discard)
            await self._below_threshold()

    async def _below_threshold(self) -> None:
        stopping = asyncio.ensure_future(self._stopping.wait())
        while len(self._messages) > self._options.refill_threshold and not stopping.done():
            await asyncio.wait({*self._messages, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()

    async def _receive(self) -> list[QueueMessage]:
        """Receive one page; an absent queue or account counts as an empty one."""
        pages = self._queue.receive_messages(
            messages_per_page=self._options.batch_size, visibility_timeout=self._lock_seconds
        ).by_page()
        try:
            page = await anext(pages)
            messages = [message async for message in page]
        except StopAsyncIteration:
            messages = []
        except ResourceNotFoundError:
            return []
        except AzureError as exc:
            if not self._is_failing:
                log.warning("Polling the queue %s fails: %s", self._queue.queue_name, _first_line(exc))
            self._is_failing = True
            return []
        if self._is_failing:
            log.info("Polling the queue %s works again", self._queue.queue_name)
        self._is_failing = False
        return messages

    async def _work_on(self, message: QueueMessage) -> None:
        claim = _Claim(self._queue, message, self._lock_seconds)
        try:
            await self._serve(message, claim)
        except AzureError as exc:
            log.error("Message %s could not be settled: %s", message.id, _first_line(exc))  # noqa: TRY400 (a service's answer)
        finally:
            await claim.leave()

    async def _serve(self, message: QueueMessage, claim: _Claim) -> None:
        count = message.dequeue_count or 0
        if self._poison and count > self._options.max_dequeue_count:
            await self._move_to_poison(self._poison, message, claim)
            return
        try:
            body = decode(message.content, self._options.message_encoding)
        except ValueError:
            log.error("Message %s is not base64", message.id)  # noqa: TRY400 (the text says it all)
            await self._fail(message, claim, is_hopeless=True)
            return
        try:
            await self.run(body, message)
        except Exception:  # noqa: BLE001 (whatever the function raises; the invocation has logged it)
            await self._fail(message, claim, is_hopeless=count >= self._options.max_dequeue_count)
            return
        await claim.delete()

    async def run(self, body: str | bytes, message: QueueMessage | None = None) -> None:
        """Run the function on a message, and write its outputs; raise what it raises."""
        trigger = Trigger(
            reason=f"New queue message detected on '{self._queue.queue_name}'.",
            data=Datum(body, "string" if isinstance(body, str) else "bytes"),
            metadata=_metadata(message),
        )
        if message:
            details = "Trigger Details: MessageId: %s, DequeueCount: %s, InsertedOn: %s"
            log.info(details, message.id, message.dequeue_count, message.inserted_on)
        result = await invoke_with_retries(self._worker, self.function, trigger)
        await self._outputs.send(self.function, result)

    async def _fail(self, message: QueueMessage, claim: _Claim, *, is_hopeless: bool) -> None:
        if self._is_ending:
            await claim.release(0)
        elif self._poison is None:
            await claim.leave()
        elif is_hopeless:
            await self._move_to_poison(self._poison, message, claim)
        else:
            await claim.release(self._options.visibility_timeout)

    async def _move_to_poison(self, poison: QueueClient, message: QueueMessage, claim: _Claim) -> None:
        log.error("Message %s failed too often and moves to %s", message.id, poison.queue_name)
        try:
            await poison.send_message(message.content)
        except ResourceNotFoundError:
            await create_queue(poison)
            await poison.send_message(message.content)
        await claim.delete()


def poison_name(queue: str) -> str:
    return f"{queue}{_POISON}"


def _has_poison_queue(queue: str) -> bool:
    return not queue.endswith(_POISON) and len(poison_name(queue)) <= _LONGEST_QUEUE_NAME


def _metadata(message: QueueMessage | None) -> dict[str, Datum]:
    now = datetime.now(UTC)
    times = {
        "InsertionTime": message.inserted_on if message else now,
        "ExpirationTime": message.expires_on if message else now,
        "NextVisibleTime": message.next_visible_on if message else now,
    }
    texts = {
        "Id": message.id if message else str(uuid.uuid4()),
        "DequeueCount": str(message.dequeue_count if message else 1),
        "PopReceipt": (message.pop_receipt if message else None) or "",
    }
    return {
        **{name: Datum(text, "string") for name, text in texts.items()},
        **{name: Datum(json.dumps((at or now).isoformat()), "json") for name, at in times.items()},
    }


async def _happens(event: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True


async def _trying_again(act: Callable[[], Awaitable[Any]]) -> None:
    for seconds in _TRY_AGAIN_SECONDS:
        try:
            await act()
        except HttpResponseError as exc:
            if (exc.status_code or 0) < 500:  # noqa: PLR2004 (the service's own faults start there)
                raise
        except AzureError:
            pass  # not reached
        else:
            return
        await asyncio.sleep(seconds)
    await act()


def _is_lost(exc: AzureError) -> bool:
    return isinstance(exc, ResourceNotFoundError) or getattr(exc, "error_code", None) == "PopReceiptMismatch"


def _first_line(exc: Exception) -> str:
    return str(exc).partition("\n")[0]
