"""The simulator's whole state, opened once."""

import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from dev.graph_simulator.clock import Clock
from dev.graph_simulator.delivery import Delivery
from dev.graph_simulator.delta import DeltaBehaviour
from dev.graph_simulator.directory import CONSUMER_TENANT, Directory, User
from dev.graph_simulator.entra_settings import EntraSettings
from dev.graph_simulator.faults import Faults
from dev.graph_simulator.grants import Grants
from dev.graph_simulator.limits import Limits
from dev.graph_simulator.mailbox import Mailbox
from dev.graph_simulator.signing import SigningKeys
from dev.graph_simulator.store import Store
from dev.graph_simulator.subscription_list import Subscriptions

DATABASE_FILE = "simulator.db"


@dataclass(slots=True)
class Latency:
    """Each answer is held back for `base`, plus `per_message` times the messages whose body it has; in milliseconds."""

    base: float = 0.0
    per_message: float = 0.0

    def seconds(self, messages: int) -> float:
        return (self.base + self.per_message * messages) / 1000


@dataclass(slots=True)
class Settings:
    latency: Latency = field(default_factory=Latency)
    entra: EntraSettings = field(default_factory=EntraSettings)


class Simulator:
    def __init__(self, state_dir: Path | None) -> None:
        """Open the state below a directory, or start with none and keep it in memory."""
        self.clock = Clock()
        self.store = Store(state_dir / DATABASE_FILE if state_dir else None)
        self.directory = Directory(self.store)
        self.directory.add_tenant("consumers", CONSUMER_TENANT)
        self.grants = Grants(self.store, self.clock)
        self.keys = SigningKeys(self.store)
        self.limits = Limits(self.clock)
        self.faults = Faults()
        self.settings = Settings()
        self.subscriptions = Subscriptions(self.store, self.clock)
        self.delivery = Delivery(self.store, self.subscriptions, self.directory, self.keys, self.clock)
        self.token_key = self._token_key()
        self.delta_behaviours: dict[str, DeltaBehaviour] = {}
        self.base_url = "https://localhost"  # set when the port is known
        self._mailboxes: dict[str, Mailbox] = {}
        self.store.commit()

    def mailbox(self, user: User) -> Mailbox:
        """Return the user's mailbox, loaded when first asked for."""
        found = self._mailboxes.get(user.id)
        if found is None:
            found = Mailbox(UUID(user.id), user.address, self.store, self.clock)
            found.listeners.append(self.delivery.hear)
            self._mailboxes[user.id] = found
        return found

    def delta_behaviour(self, mailbox: Mailbox) -> DeltaBehaviour:
        return self.delta_behaviours.setdefault(mailbox.id, DeltaBehaviour())

    def stats(self) -> dict[str, Any]:
        return {
            "usage": self.limits.as_json(),
            "notifications": asdict(self.delivery.counts),
            "endpoints": self.delivery.endpoints.as_json(),
            "faults": [{"action": one.action, "path": one.path, "fired": one.fired} for one in self.faults.rules],
        }

    async def close(self) -> None:
        await self.delivery.close()
        self.store.close()

    def _token_key(self) -> bytes:
        known = self.store.get("secret", "delta")
        if known is None:
            known = secrets.token_hex(32)
            self.store.put("secret", "delta", known)
        return bytes.fromhex(known)
