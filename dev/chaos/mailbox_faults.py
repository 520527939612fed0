"""What can go wrong with one mailbox: each fault at each stage of its sync, on the simulator's command."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from dev.graph_simulator.client import SimulatorAdmin

MISSES: Final = "delta that misses"
SLOW_MILLISECONDS: Final = 5_000  # over the trial's GRAPH_TIMEOUT_SECONDS

STAGES: Final[Mapping[str, str]] = {
    "folder tree": r"(?i)/mailFolders(/[^/?]+/childFolders)?(\?|$)",
    "child folders": r"(?i)/mailFolders/[^/?]+/childFolders\?",
    "first page of a listing": r"(?i)/messages/delta\?(?!.*token)",
    "next page of a listing": r"(?i)/messages/delta\?.*skiptoken",
    "delta round": r"(?i)/messages/delta\?.*deltatoken",
    "page": r"(?i)/mailFolders/[^/?]+/messages\?.*filter",
    "audit": r"(?i)/me/messages\?",
    "batch": r"(?i)/\$batch",
    "single message": r"(?i)/messages/(?!delta)[^/?]+\?",
    "attachment": r"(?i)/attachments/[^/?]+/\$value",
    "subscription": r"(?i)/subscriptions",
    "anything": "",
}
"""Which requests a stage consists of. "anything" is the sign-in's profile, too."""

ANSWERS: Final[Mapping[str, Mapping[str, object]]] = {
    "429 integer": {"action": "throttled", "retry_after": "integer", "retry_after_seconds": 2},
    "429 fraction": {"action": "throttled", "retry_after": "fraction", "retry_after_seconds": 1.128},
    "429 date": {"action": "throttled", "retry_after": "date", "retry_after_seconds": 2},
    "429 absent": {"action": "throttled", "retry_after": "absent"},
    "concurrency": {"action": "concurrency", "retry_after_seconds": 1},
    "503": {"action": "unavailable", "retry_after_seconds": 1},
    "504": {"action": "timeout"},
    "500": {"action": "failed"},
    "html 503": {"action": "html"},
    "html 200": {"action": "html", "status": 200},
    "empty 200": {"action": "empty"},
    "reset": {"action": "reset"},
    "half": {"action": "half"},
    "torn": {"action": "torn"},
    "slow": {"action": "slow", "milliseconds": SLOW_MILLISECONDS},
    "trickle": {"action": "trickle", "milliseconds": SLOW_MILLISECONDS},
    "401": {"action": "unauthorized"},
    "claims challenge": {"action": "challenge"},
    "404": {"action": "error", "status": 404, "code": "ErrorItemNotFound", "retry_after_seconds": 1},
    "410": {"action": "gone"},
    "410 resync": {"action": "gone", "code": "resyncRequired"},
    "bad link": {"action": "error", "status": 400, "code": "BadRequest", "message": "Badly formed token."},
}
_LINKS: Final = frozenset({"next page of a listing", "delta round"})
_ONLY_AT: Final[Mapping[str, frozenset[str]]] = {
    "410": _LINKS,
    "410 resync": _LINKS,
    "bad link": _LINKS,
    "404": frozenset({"subscription", "single message", "child folders", "page"}),  # elsewhere: no mailbox any more
}


@dataclass(frozen=True, slots=True)
class MailboxFault:
    """A fault, so many seconds after the seed's start, at a stage or, when that is "", at the mailbox as such."""

    at: float
    name: str
    stage: str
    dice: int

    def __str__(self) -> str:
        return f"{self.at:.1f} s {self.name}{' at ' + self.stage if self.stage else ''}"

    @property
    def asks_for_owner(self) -> bool:
        """Whether the owner may have to sign in again because of it."""
        return self.name in ASK_FOR_OWNER

    def strike(self, admin: SimulatorAdmin, address: str) -> None:
        chance = random.Random(self.dice)  # noqa: S311 - repeatable
        if self.stage:
            rule = {"times": chance.randint(1, 4), "after": chance.choice((0, 0, 1, 2, 4)), **ANSWERS[self.name]}
            admin.fault(path=STAGES[self.stage], mailbox=address, **rule)  # type: ignore[arg-type] # the action is in the rule
        else:
            STATES[self.name](admin, address, chance)


def cells() -> list[tuple[str, str]]:
    """Every fault of a mailbox at every stage where it can be."""
    answers = [(name, stage) for name in ANSWERS for stage in STAGES if stage in _ONLY_AT.get(name, STAGES)]
    return answers + [(name, "") for name in STATES]


def plan_mailbox_fault(chance: random.Random, cell: tuple[str, str], *, until: float) -> MailboxFault:
    """Half of the faults are there before the mailbox is connected, so that they meet its first sync."""
    return MailboxFault(chance.choice((0, chance.uniform(0, until))), *cell, chance.randrange(2**32))


State = Callable[[SimulatorAdmin, str, random.Random], None]


def _forget_cursors(admin: SimulatorAdmin, address: str, chance: random.Random) -> None:
    admin.expire_sync_state(address, chance.choice((None, "inbox", "archive")), "SyncStateNotFound")


def _throttle(admin: SimulatorAdmin, address: str, chance: random.Random) -> None:
    admin.throttle(address, chance.uniform(1, 4))


def _expire_tokens(admin: SimulatorAdmin, address: str, _: random.Random) -> None:
    admin.expire_access_tokens(address)


def _revoke(admin: SimulatorAdmin, address: str, _: random.Random) -> None:
    admin.revoke(address)


def _busy_token_endpoint(admin: SimulatorAdmin, address: str, chance: random.Random) -> None:
    times = chance.randint(1, 4)
    admin.token_fault(error="temporarily_unavailable", code=90033, status=503, user=address, times=times)
    admin.expire_access_tokens(address)


def _refuse_tokens(admin: SimulatorAdmin, address: str, _: random.Random) -> None:
    admin.token_fault(error="invalid_grant", code=700082, user=address, grant_type="refresh_token", times=1)
    admin.expire_access_tokens(address)


def _behave(**behaviour: object) -> State:
    def change(admin: SimulatorAdmin, address: str, _: random.Random) -> None:
        admin.delta(address, **behaviour)

    return change


def _lose_subscription(admin: SimulatorAdmin, address: str, _: random.Random) -> None:
    for subscription in subscriptions_of(admin, address):
        admin.remove_subscription(subscription)


def _end_subscription(admin: SimulatorAdmin, address: str, chance: random.Random) -> None:
    for subscription in subscriptions_of(admin, address):
        admin.expire_subscription(subscription, chance.uniform(0, 2))


def _announce(event: str) -> State:
    def send(admin: SimulatorAdmin, address: str, _: random.Random) -> None:
        for subscription in subscriptions_of(admin, address):
            admin.lifecycle(subscription, event)

    return send


def subscriptions_of(admin: SimulatorAdmin, address: str) -> list[str]:
    """Return the ids of the live subscriptions to a mailbox."""
    user = admin.create_user(address)["id"]  # a known one stays
    return [one["id"] for one in admin.subscriptions() if one["creatorId"] == user]


STATES: Final[Mapping[str, State]] = {
    "cursors forgotten": _forget_cursors,
    "mailbox throttled": _throttle,
    "access token expired": _expire_tokens,
    "grant revoked": _revoke,
    "token endpoint busy": _busy_token_endpoint,
    "refresh token refused": _refuse_tokens,
    "delta with empty pages": _behave(empty_every=1),
    "delta that repeats": _behave(repeat_every=2),
    "delta with partial items": _behave(partial_every=2),
    "delta that replays": _behave(replay_changes=20),
    "delta that is late": _behave(late_seconds=2),
    MISSES: _behave(miss_returned=True),
    "subscription lost": _lose_subscription,
    "subscription ended": _end_subscription,
    "missed announced": _announce("missed"),
    "reauthorization announced": _announce("reauthorizationRequired"),
    "removal announced": _announce("subscriptionRemoved"),
}
ASK_FOR_OWNER: Final = frozenset({"grant revoked", "refresh token refused", "claims challenge"})


def restore(admin: SimulatorAdmin, address: str) -> None:
    """Have delta behave again. Rules end for all mailboxes at once."""
    usual = {"empty_every": 0, "repeat_every": 0, "partial_every": 0, "replay_changes": 0, "late_seconds": 0}
    admin.delta(address, miss_returned=False, **usual)
