"""Failures on demand: which requests, how many of them, and what goes wrong."""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from dev.graph_simulator.calls import Reply
from dev.graph_simulator.errors import ConcurrencyExceeded, ServiceError, TooManyRequests, invalid_token
from dev.graph_simulator.limits import RetryAfterForm, retry_after

Action = Literal[
    "throttled",
    "concurrency",
    "unavailable",
    "timeout",
    "failed",
    "html",
    "empty",
    "reset",
    "half",
    "torn",
    "slow",
    "trickle",
    "unauthorized",
    "challenge",
    "gone",
    "error",
]

_HTML = (
    b"<!DOCTYPE html><html><head><title>Service unavailable</title></head>"
    b"<body><h2>Our services aren't available right now</h2></body></html>"
)
_CLAIMS = (
    'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", '
    'client_id="00000003-0000-0000-c000-000000000000", errorDescription="Continuous access evaluation resulted in '
    'challenge with result: InteractionRequired and code: TokenIssuedBeforeRevocationTimestamp", '
    'error="insufficient_claims", '
    'claims="eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZSwgInZhbHVlIjoiMTcwMjY4MjE4MSJ9fX0="'
)
_CHALLENGE = (
    "Continuous access evaluation resulted in challenge with result: InteractionRequired "
    "and code: TokenIssuedBeforeRevocationTimestamp"
)
_SYNC_STATE = "The sync state generation is not found; generation=605;[highest=841][841][839][840]."


@dataclass(slots=True)
class Fault:
    """
    One rule. It fits requests of `method` whose path and query match `path` (a regular expression, searched for).

    The first `after` that fit pass; of the next, `times` fail (None: all), or each with the chance `share`.
    """

    action: Action
    path: str = ""
    method: str | None = None
    mailbox: str | None = None
    times: int | None = 1
    after: int = 0
    share: float | None = None
    seed: int = 0
    milliseconds: int = 0
    retry_after_seconds: float = 1
    retry_after: RetryAfterForm = "integer"
    status: int = 0  # 0: the action's own
    code: str = "UnknownError"
    message: str = "An error was asked for."
    seen: int = 0
    fired: int = 0
    dice: random.Random = field(default_factory=random.Random)

    def __post_init__(self) -> None:
        re.compile(self.path)
        self.dice.seed(self.seed)

    def strikes(self, method: str, path: str, mailbox: str | None) -> bool:
        """Return whether the rule fails this request, and count it."""
        if self.method not in (None, method) or (self.mailbox is not None and self.mailbox != mailbox):
            return False
        if not re.search(self.path, path):
            return False
        self.seen += 1
        if self.seen <= self.after or (self.times is not None and self.fired >= self.times):
            return False
        if self.share is not None and self.dice.random() >= self.share:
            return False
        self.fired += 1
        return True


class Faults:
    def __init__(self) -> None:
        self.rules: list[Fault] = []

    def strike(self, method: str, path: str, mailbox: str | None) -> Fault | None:
        """Return the first rule that fails this request."""
        return next((rule for rule in self.rules if rule.strikes(method, path, mailbox)), None)


def failure(fault: Fault, now: datetime) -> Reply | None:
    """
    Return what is answered instead of the real reply, or None when the real one is (late, slowly, or cut off).

    Raises the service's error where it has a body of its own.
    """
    match fault.action:
        case "html":
            return Reply(fault.status or 503, _HTML, content_type="text/html; charset=utf-8")
        case "empty":
            return Reply(200)
        case "reset":
            return Reply(200, breakage="reset")
        case "slow" | "trickle" | "half" | "torn":
            return None
        case _:
            raise _error(fault, now)


def _error(fault: Fault, now: datetime) -> ServiceError:
    wait = retry_after(fault.retry_after_seconds, fault.retry_after, now)
    code = fault.code if fault.code != "UnknownError" else "SyncStateNotFound"
    errors: dict[str, Callable[[], ServiceError]] = {
        "throttled": lambda: TooManyRequests(wait),
        "concurrency": lambda: ConcurrencyExceeded(wait),
        "unavailable": lambda: ServiceError(503, "serviceNotAvailable", "The service is not available.", wait),
        "timeout": lambda: ServiceError(504, "UnknownError", "The server did not answer in time."),
        "failed": lambda: ServiceError(500, "InternalServerError", "An internal server error occurred."),
        "unauthorized": lambda: invalid_token("Access token has expired."),
        "challenge": lambda: invalid_token(_CHALLENGE, {"WWW-Authenticate": _CLAIMS}),
        "gone": lambda: ServiceError(410, code, _SYNC_STATE),
        "error": lambda: ServiceError(fault.status or 500, fault.code, fault.message, wait),
    }
    return errors[fault.action]()
