"""
Sends change notifications, as promptly and as badly as it is told to.

What is waiting to be sent is in the store too, until an endpoint has accepted it: a restart sends it again.
"""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Coroutine, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from dev.graph_simulator.clock import Clock
from dev.graph_simulator.directory import Directory
from dev.graph_simulator.endpoints import STATE_SECONDS, Endpoints
from dev.graph_simulator.json_text import to_json
from dev.graph_simulator.mailbox import Change
from dev.graph_simulator.notices import Notice, change_item, frame
from dev.graph_simulator.outage import Outage
from dev.graph_simulator.rich import RichFault, validation_tokens
from dev.graph_simulator.signing import SigningKeys
from dev.graph_simulator.store import Store
from dev.graph_simulator.subscription_list import Subscription, Subscriptions
from dev.graph_simulator.webhooks import Webhooks

LifecycleEvent = Literal["missed", "subscriptionRemoved", "reauthorizationRequired"]
FIRST_TIMEOUT, RETRY_TIMEOUT = 3.0, 10.0
GIVE_UP_SECONDS = 4 * 3600.0
LONGEST_WAIT = 900.0
TICK_SECONDS = 1.0
REMIND_BEFORE, REMIND_EVERY = 3600.0, 900.0


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
    rich_fault: RichFault = "none"
    needs_live_token: bool = True
    is_reauthorization_asked: bool = True
    is_removed_on_revoke: bool = False
    judges_endpoints: bool = False


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
    held_items: int = 0


@dataclass(slots=True)
class _Outgoing:
    """Notices for one URL that leave together."""

    notices: list[Notice] = field(default_factory=list)
    timer: asyncio.TimerHandle | None = None


class Delivery:
    def __init__(
        self, store: Store, subscriptions: Subscriptions, directory: Directory, keys: SigningKeys, clock: Clock
    ) -> None:
        self.behaviour = DeliveryBehaviour()
        self.counts = DeliveryCounts()
        self.webhooks = Webhooks()
        self.endpoints = Endpoints(clock)
        self.outage = Outage()
        self._store = store
        self._subscriptions = subscriptions
        self._directory = directory
        self._keys = keys
        self._clock = clock
        self._dice = random.Random(0)  # noqa: S311 - chances of a simulation
        self._outgoing: dict[str, _Outgoing] = defaultdict(_Outgoing)
        self._held: list[Notice] = []  # until the token of their subscription is renewed
        self._late: list[Notice] = []  # until their host has been slow for long enough
        self._next_key = time.time_ns()
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Send what an earlier process could not, and look after time from now on."""
        for document in self._store.all("notice"):
            self._queue(Notice(**document), 0)
        self._spawn(self._keep_time())

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
                    turn = self.counts.items if self.behaviour.variety else 0
                    item = change_item(subscription, change, kind, turn, self.behaviour.rich_fault)
                    if not self.behaviour.variety:
                        item |= frame(subscription, None)
                    self._offer(subscription, item)

    def announce(self, subscription: Subscription, event: LifecycleEvent) -> bool:
        """Send a lifecycle event; return whether the subscription has a URL for it."""
        if subscription.lifecycle_url is None:
            return False
        item = frame(subscription, 0 if self.behaviour.variety else None) | {"lifecycleEvent": event}
        self.counts.lifecycle += 1
        notice = self._notice(subscription, item, subscription.lifecycle_url)
        self._spawn(self._send(notice.url, [notice]))
        return True

    def remove_for(self, user: str) -> None:
        """End a user's subscriptions with a word, when revoking does that."""
        if self.behaviour.is_removed_on_revoke:
            for subscription in self._subscriptions.live(user=user):
                self.announce(subscription, "subscriptionRemoved")
                self._subscriptions.remove(subscription)

    def release(self, subscription: Subscription) -> None:
        """Send what waited for a token of the subscription."""
        freed = [one for one in self._held if one.subscription == subscription.id]
        self._held = [one for one in self._held if one.subscription != subscription.id]
        for notice in freed:
            self._queue(notice, 0)
        self.counts.held_items = len(self._held)

    def keep_time(self) -> None:
        """Do what is due by now: reminders, and the end of waiting."""
        now = self._clock.now().timestamp()
        for subscription in self._subscriptions.live():
            if self.behaviour.is_reauthorization_asked and _is_reminder_due(subscription, now):
                subscription.reminded_at = now
                self._subscriptions.save(subscription)
                self.announce(subscription, "reauthorizationRequired")
        self._discard([one for one in self._held if one.offered_at + GIVE_UP_SECONDS < now])
        self._held = [one for one in self._held if one.offered_at + GIVE_UP_SECONDS >= now]
        late, self._late = self._late, []
        for notice in late:
            if notice.offered_at + STATE_SECONDS <= now:
                self._queue(notice, 0)
            else:
                self._late.append(notice)
        self.counts.held_items = len(self._held) + len(self._late)

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for outgoing in self._outgoing.values():
            if outgoing.timer:
                outgoing.timer.cancel()
        await self.webhooks.close()

    def _offer(self, subscription: Subscription, item: dict[str, Any]) -> None:
        behaviour = self.behaviour
        self.counts.items += 1
        is_dropped = behaviour.drop_next > 0 or self._dice.random() < behaviour.drop_share
        host_state = self._state_of(subscription.notification_url)
        if is_dropped or host_state == "drop":
            behaviour.drop_next = max(0, behaviour.drop_next - is_dropped)
            self.counts.dropped += 1
            if behaviour.is_drop_announced:
                self.announce(subscription, "missed")
            return
        copies = 1 + (self._dice.random() < behaviour.duplicate_share)
        self.counts.duplicated += copies - 1
        delay = behaviour.delay_milliseconds + self._dice.random() * behaviour.delay_spread_milliseconds
        for _ in range(copies):
            notice = self._notice(subscription, item, subscription.notification_url)
            if host_state == "slow":
                self._late.append(notice)
                self.counts.held_items += 1
            else:
                self._queue(notice, (behaviour.batch_milliseconds + delay) / 1000)

    def _notice(self, subscription: Subscription, item: dict[str, Any], url: str) -> Notice:
        self._next_key += 1
        notice = Notice(
            key=str(self._next_key),
            url=url,
            subscription=subscription.id,
            app_id=subscription.app_id,
            tenant=subscription.tenant,
            item=item,
            offered_at=self._clock.now().timestamp(),
        )
        self._store.put("notice", notice.key, asdict(notice))
        return notice

    def _state_of(self, url: str) -> str:
        return self.endpoints.state(urlsplit(url).netloc) if self.behaviour.judges_endpoints else "good"

    def _queue(self, notice: Notice, seconds: float) -> None:
        self._outgoing[notice.url].notices.append(notice)
        self.counts.waiting_items += 1
        self._schedule(notice.url, seconds)

    def _schedule(self, url: str, seconds: float) -> None:
        outgoing = self._outgoing[url]
        if not self.behaviour.is_paused and outgoing.notices and not outgoing.timer:
            outgoing.timer = asyncio.get_running_loop().call_later(seconds, self._flush, url)

    def _flush(self, url: str) -> None:
        outgoing = self._outgoing[url]
        outgoing.timer = None
        if self.behaviour.is_paused:
            return
        waiting, outgoing.notices = outgoing.notices, []
        self.counts.waiting_items -= len(waiting)
        ready: list[Notice] = []
        for notice in waiting:
            (self._held if self._lacks_token(notice) else ready).append(notice)
        self.counts.held_items = len(self._held) + len(self._late)
        if self.behaviour.is_reordered:
            self._dice.shuffle(ready)
        size = self.behaviour.maximum_items
        for start in range(0, len(ready), size):
            self._spawn(self._send(url, ready[start : start + size]))

    def _lacks_token(self, notice: Notice) -> bool:
        if not self.behaviour.needs_live_token or "lifecycleEvent" in notice.item:
            return False
        subscription = self._subscriptions.get(notice.subscription)
        expires = subscription.token_expires if subscription else None
        return expires is not None and expires <= self._clock.now().timestamp()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _keep_time(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self.keep_time()
            self._store.commit()

    async def _send(self, url: str, notices: Sequence[Notice]) -> None:
        body = to_json(self._document(notices))
        waited, wait, timeout = 0.0, self.behaviour.retry_seconds, FIRST_TIMEOUT
        while not await self._post(url, body, timeout):
            if waited + wait > GIVE_UP_SECONDS:
                self.counts.discarded_posts += 1
                break
            await asyncio.sleep(wait)
            waited += wait
            wait, timeout = min(wait * 2, LONGEST_WAIT), RETRY_TIMEOUT
        self._discard(notices)

    def _document(self, notices: Sequence[Notice]) -> dict[str, Any]:
        document: dict[str, Any] = {"value": [one.item for one in notices]}
        pairs = dict.fromkeys((one.app_id, one.tenant) for one in notices if one.is_rich)
        if pairs:
            audiences = [(app_id, self._directory.tenants[tenant]) for app_id, tenant in pairs]
            now = self._clock.now().timestamp()
            document["validationTokens"] = validation_tokens(self._keys, audiences, now, self.behaviour.rich_fault)
        return document

    async def _post(self, url: str, body: bytes, timeout: float) -> bool:  # noqa: ASYNC109 - the service's own limit
        await self.outage.over()
        self.counts.posts += 1
        is_accepted, seconds = await self.webhooks.post(url, body, timeout)
        if seconds is not None and self.behaviour.judges_endpoints:
            self.endpoints.record(urlsplit(url).netloc, seconds)
        self.counts.delivered_posts += is_accepted
        self.counts.failed_posts += not is_accepted
        return is_accepted

    def _discard(self, notices: Sequence[Notice]) -> None:
        for notice in notices:
            self._store.remove("notice", notice.key)


def _is_reminder_due(subscription: Subscription, now: float) -> bool:
    ends = min(subscription.expires, subscription.token_expires or subscription.expires)
    return ends < now + REMIND_BEFORE and subscription.reminded_at + REMIND_EVERY <= now
