"""The subscriptions that exist, kept through restarts."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

from dev.graph_simulator.clock import Clock
from dev.graph_simulator.store import Store


@dataclass(slots=True)
class Subscription:
    """
    One subscription. `folder` is the number of the folder that it watches, None for the whole mailbox.

    `expires` is in seconds since 1970. Whether ids are immutable was decided when it was created. `select` are the
    properties that its notifications carry, when they carry any. `token_expires` is the end of the access token with
    which it was last authorized, `reminded_at` when that was or when it was last asked to be authorized again.
    """

    id: str
    app_id: str
    user: str
    tenant: str
    change_types: str
    resource: str
    folder: int | None
    notification_url: str
    lifecycle_url: str | None
    client_state: str | None
    expires: float
    is_immutable: bool
    tls_version: str = "v1_2"
    select: list[str] = field(default_factory=list)
    certificate: str | None = None
    certificate_id: str | None = None
    token_expires: float | None = None
    reminded_at: float = 0.0

    @property
    def is_rich(self) -> bool:
        return bool(self.select)

    @property
    def combination(self) -> tuple[object, ...]:
        """Two subscriptions that agree in this cannot live at once."""
        kinds = tuple(sorted(one.strip().lower() for one in self.change_types.split(",")))
        return (self.app_id, self.user, kinds, self.folder, tuple(self.select))

    def watches(self, kind: str, folder: int) -> bool:
        return self.folder in (None, folder) and kind in self.change_types.lower().replace(" ", "").split(",")


class Subscriptions:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._by_id = {one["id"]: Subscription(**one) for one in store.all("subscription")}

    def save(self, subscription: Subscription) -> None:
        self._by_id[subscription.id] = subscription
        self._store.put("subscription", subscription.id, asdict(subscription))

    def remove(self, subscription: Subscription) -> None:
        self._by_id.pop(subscription.id, None)
        self._store.remove("subscription", subscription.id)

    def get(self, subscription_id: str) -> Subscription | None:
        """Return a live subscription; an expired one is forgotten."""
        found = self._by_id.get(subscription_id.lower())
        if found is not None and found.expires <= self._clock.now().timestamp():
            self.remove(found)
            return None
        return found

    def live(self, user: str | None = None, app_id: str | None = None) -> Iterator[Subscription]:
        for subscription_id in list(self._by_id):
            found = self.get(subscription_id)
            if found and user in (None, found.user) and app_id in (None, found.app_id):
                yield found
