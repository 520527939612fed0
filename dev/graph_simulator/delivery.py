"""
Sends change notifications, as promptly and as badly as it is told to.

What is waiting to be sent is kept in memory only: a restart of the simulator loses it, as an outage of the service may.
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Literal
from urllib.parse import quote, urlsplit
from uuid import uuid4

import aiohttp
from yarl import URL

from dev.graph_simulator.clock import Clock, iso_precise
from dev.graph_simulator.directory import Directory
from dev.graph_simulator.json_text import to_json
from dev.graph_simulator.mailbox import Change
from dev.graph_simulator.subscription_list import Subscription, Subscriptions

LifecycleEvent = Literal["missed", "subscriptionRemoved", "reauthorizationRequired"]
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")
FIRST_TIMEOUT, RETRY_TIMEOUT = 3.0, 10.0
GIVE_UP_SECONDS = 4 * 3600.0
LONGEST_WAIT = 900.0
_OFFSET = timezone(timedelta(hours=5, minutes=30))
_STYLES = ("slash", "tenant", "key")


@dataclass(slots=True)
class DeliveryBehaviour:
    """
    How notifications are delivered. Shares are chances between 0 and 1, drawn from `seed`.

    `variety` lets path style, date offset and the optional id change from item to item; without it they stay plain.
    """

    batch_milliseconds: int = 10
    maximum_items: int = 50
    delay_milliseconds: int = 0
    delay_spread_milliseconds: int = 0
    duplicate_share: float = 0.0
    drop_share: float = 0.0
    drop_next: int = 0
    is_drop_announced: bool = False
    is_reordered: bool = False
    is_paused: bool = False
    extra_updates: int = 0
    variety: bool = True
    retry_seconds: float = 1.0
    seed: int = 0


@dataclass(slots=True)
class DeliveryCounts:
    """`items` are notifications made; a dropped or duplicated one shows in its own count too."""

    items: int = 0
    dropped: int = 0
    duplicated: int = 0
    posts: int = 0
    delivered_posts: int = 0
    failed_posts: int = 0
    discarded_posts: int = 0
    waiting_items: int = 0
    lifecycle: int = 0


@dataclass(slots=True)
class _Outgoing:
    """Items for one URL that leave together."""

    items: list[dict[str, Any]] = field(default_factory=list)
    timer: asyncio.TimerHandle | None = None


class Delivery:
    def __init__(self, subscriptions: Subscriptions, directory: Directory, clock: Clock) -> None:
        self.behaviour = DeliveryBehaviour()
        self.counts = DeliveryCounts()
        self._subscriptions = subscriptions
        self._directory = directory
        self._clock = clock
        self._dice = random.Random(0)  # noqa: S311 - chances of a simulation
        self._outgoing: dict[str, _Outgoing] = defaultdict(_Outgoing)
        self._tasks: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None

    def behave(self, behaviour: DeliveryBehaviour) -> None:
        """Change the behaviour; leaving a pause releases what was held back."""
        self.behaviour = behaviour
        self._dice.seed(behaviour.seed)
        if not behaviour.is_paused:
            for url in list(self._outgoing):
                self._schedule(url, 0)

    def hear(self, change: Change) -> None:
        """Notify whoever watches. A creation may bring updates of the same state with it, as it does in the field."""
        kinds: list[str] = [change.kind]
        if change.kind == "created":
            kinds += ["updated"] * self.behaviour.extra_updates
        for subscription in self._subscriptions.live(user=change.mailbox.id):
            for kind in kinds:
                if subscription.watches(kind, change.folder):
                    self._offer(subscription, self._item(subscription, change, kind))

    def announce(self, subscription: Subscription, event: LifecycleEvent) -> bool:
        """Send a lifecycle event; return whether the subscription has a URL for it."""
        if subscription.lifecycle_url is None:
            return False
        item = self._frame(subscription) | {"lifecycleEvent": event}
        self.counts.lifecycle += 1
        self._spawn(self._send(subscription.lifecycle_url, [item]))
        return True

    async def validate(self, url: str, seconds: float) -> str:
        """
        Make the handshake with an endpoint. Return "" when it holds, or what was wrong.

        The token has characters that must be decoded before they are sent back.
        """
        token = f"Validation: Testing client application reachability for subscription Request-Id: {uuid4()} +/=&é"
        joint = "&" if urlsplit(url).query else "?"
        address = f"{url}{joint}validationToken={quote(token, safe='')}"
        try:
            async with self._http().post(
                URL(address, encoded=True),
                data=b"",
                headers={"Content-Type": "text/plain; charset=utf-8"},
                timeout=aiohttp.ClientTimeout(total=seconds),
                ssl=_tls(url),
            ) as answer:
                body = await answer.text()
        except TimeoutError:
            return "timeout"
        except (aiohttp.ClientError, OSError):
            return "unreachable"
        if answer.status != 200:  # noqa: PLR2004 - OK
            return f"status {answer.status} {answer.reason}"
        return "" if body == token and answer.content_type == "text/plain" else "mismatch"

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for outgoing in self._outgoing.values():
            if outgoing.timer:
                outgoing.timer.cancel()
        if self._session:
            await self._session.close()

    def _offer(self, subscription: Subscription, item: dict[str, Any]) -> None:
        behaviour = self.behaviour
        self.counts.items += 1
        if behaviour.drop_next > 0 or self._dice.random() < behaviour.drop_share:
            behaviour.drop_next = max(0, behaviour.drop_next - 1)
            self.counts.dropped += 1
            if behaviour.is_drop_announced:
                self.announce(subscription, "missed")
            return
        copies = 1 + (self._dice.random() < behaviour.duplicate_share)
        self.counts.duplicated += copies - 1
        outgoing = self._outgoing[subscription.notification_url]
        outgoing.items += [item] * copies
        self.counts.waiting_items += copies
        delay = behaviour.delay_milliseconds + self._dice.random() * behaviour.delay_spread_milliseconds
        self._schedule(subscription.notification_url, (behaviour.batch_milliseconds + delay) / 1000)

    def _schedule(self, url: str, seconds: float) -> None:
        outgoing = self._outgoing[url]
        if self.behaviour.is_paused or not outgoing.items or outgoing.timer:
            return
        outgoing.timer = asyncio.get_running_loop().call_later(seconds, self._flush, url)

    def _flush(self, url: str) -> None:
        outgoing = self._outgoing[url]
        outgoing.timer = None
        if self.behaviour.is_paused:
            return
        items, outgoing.items = outgoing.items, []
        self.counts.waiting_items -= len(items)
        if self.behaviour.is_reordered:
            self._dice.shuffle(items)
        size = self.behaviour.maximum_items
        for start in range(0, len(items), size):
            self._spawn(self._send(url, items[start : start + size]))

    def _spawn(self, work: Any) -> None:  # noqa: ANN401 - any coroutine
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, url: str, items: Sequence[dict[str, Any]]) -> None:
        body = to_json({"value": items})
        waited, wait, timeout = 0.0, self.behaviour.retry_seconds, FIRST_TIMEOUT
        while not await self._post(url, body, timeout):
            if waited + wait > GIVE_UP_SECONDS:
                self.counts.discarded_posts += 1
                return
            await asyncio.sleep(wait)
            waited += wait
            wait, timeout = min(wait * 2, LONGEST_WAIT), RETRY_TIMEOUT

    async def _post(self, url: str, body: bytes, timeout: float) -> bool:  # noqa: ASYNC109 - the service's own limit
        self.counts.posts += 1
        with suppress(TimeoutError, aiohttp.ClientError, OSError):
            async with self._http().post(
                URL(url, encoded=True),
                data=body,
                headers={"Content-Type": "application/json; charset=utf-8"},
                timeout=aiohttp.ClientTimeout(total=timeout),
                ssl=_tls(url),
            ) as answer:
                if 200 <= answer.status < 300:  # noqa: PLR2004 - success
                    self.counts.delivered_posts += 1
                    return True
        self.counts.failed_posts += 1
        return False

    def _item(self, subscription: Subscription, change: Change, kind: str) -> dict[str, Any]:
        message_id = change.immutable_id if subscription.is_immutable else change.regular_id
        turn = self.counts.items if self.behaviour.variety else 0
        path = _path(_STYLES[turn % len(_STYLES)], subscription, message_id)
        item = self._frame(subscription, turn) | {
            "changeType": kind,
            "resource": path,
            "resourceData": {
                "@odata.type": "#Microsoft.Graph.Message",
                "@odata.id": path,
                "@odata.etag": f'W/"{change.change_key}"',
                "id": message_id,
            },
        }
        return item if turn % 2 else {"id": uuid4().hex} | item

    def _frame(self, subscription: Subscription, turn: int = 0) -> dict[str, Any]:
        expires = datetime.fromtimestamp(subscription.expires, UTC)
        local = expires.astimezone(_OFFSET)
        text = (
            iso_precise(expires) if turn % 3 else f"{local.replace(tzinfo=None).isoformat('T', 'microseconds')}0+05:30"
        )
        if not self.behaviour.variety:
            text = iso_precise(expires)
        frame = {
            "subscriptionId": subscription.id,
            "subscriptionExpirationDateTime": text,
            "tenantId": subscription.tenant,
        }
        return frame | ({"clientState": subscription.client_state} if subscription.client_state is not None else {})

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=100))
        return self._session


def is_loopback(url: str) -> bool:
    return urlsplit(url).hostname in LOOPBACK_HOSTS


def _path(style: str, subscription: Subscription, message_id: str) -> str:
    if style == "slash":
        return f"Users/{subscription.user}/Messages/{message_id}"
    if style == "tenant":
        return f"users/{subscription.user}@{subscription.tenant}/messages/{message_id}"
    return f"Users('{subscription.user}')/messages('{message_id}')"


def _tls(url: str) -> bool:
    # A certificate of a machine's own says nothing; elsewhere it is checked as usual.
    return not is_loopback(url)
