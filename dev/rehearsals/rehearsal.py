"""What a rehearsal is: a disaster, the runbook against it, and what must hold afterwards."""

import hashlib
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Final

import httpx

from dev.person import Person
from dev.postgres.cluster import DURABLE
from dev.rehearsals.pages import LOCAL, PAGES, PREAMBLE, script_of
from dev.rehearsals.shell import Errand, Shell
from dev.trial import ADDRESS, Trial

FOLDERS: Final = ("inbox", "archive", "sentitems", "junkemail", "inbox/Projects")
ODD_PERCENT: Final = 2
AS_DEPLOYED: Final[Mapping[str, str]] = {
    "DELTA_SCHEDULE": "0 */10 * * * *",
    "RENEWAL_SCHEDULE": "0 */5 * * * *",
    "SWEEP_SCHEDULE": "0 * * * * *",
    "CHANGES_INTERVAL_SECONDS": "540",
    "CHANGES_LONGEST_SECONDS": "21600",
    "NOTIFICATION_LATENCY_SECONDS": "180",
    "PAGE_LEASE_SECONDS": "3",
}
"""Timers and intervals as in Azure, so that it is not they who repair what the runbook must."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A running system, and an operator of it."""

    trial: Trial
    operator: httpx.Client
    people: ExitStack

    def somebody(self, email: str) -> Person:
        """Have one more person sign up."""
        person = self.people.enter_context(self.trial.somebody(email))
        person.sign_up()
        return person

    def fill_and_connect(self, messages: int) -> None:
        """Have the person's mailbox filled, connected, mirrored and watched."""
        trial = self.trial
        trial.simulator.admin.make_synthetic(
            ADDRESS, messages, folders=list(FOLDERS), seed=messages, odd_percent=ODD_PERCENT
        )
        trial.sign_up()
        trial.connect()
        trial.until_synced()
        trial.until("the subscription is there", lambda: bool(trial.query("SELECT 1 FROM subscription")))


class Rehearsal(ABC):
    """One disaster. `page` is the runbook's file name without its ending."""

    page: ClassVar[str]
    settings: ClassVar[Mapping[str, str]] = {}

    def postgres_settings(self, folder: Path) -> Mapping[str, str]:
        """Give what PostgreSQL is started with."""
        del folder
        return DURABLE

    def errands(self, scene: Scene) -> Mapping[str, Errand]:
        """Give what the command `stack` does here."""
        trial = scene.trial

        def stop(_: Sequence[str]) -> str:
            trial.stop_hosts()
            return ""

        def start(words: Sequence[str]) -> str:
            trial.start_hosts(dict(word.split("=", 1) for word in words[1:]))
            return ""

        def restart(words: Sequence[str]) -> str:
            return stop(words) or start(words)

        return {"stop": stop, "start": start, "restart": restart}

    @abstractmethod
    def strike(self, scene: Scene, messages: int) -> None:
        """Make a mailbox of so many messages, and break the system."""

    @abstractmethod
    def objections(self, scene: Scene) -> list[str]:
        """Say what is not as it must be once the runbook has been followed."""


@dataclass(slots=True)
class Outcome:
    page: str
    commands_seconds: float = 0  # from the first of the page's commands to the end of its last one
    whole_seconds: float = 0  # to the last proof
    against: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        word = "FAILED" if self.against else "rehearsed"
        reasons = "".join(f"\n    {each}" for each in self.against)
        times = f"commands {self.commands_seconds:.1f} s, with the proof {self.whole_seconds:.1f} s"
        return f"{self.page}: {word}, {times}{reasons}"


def rehearse(rehearsal: Rehearsal, folder: Path, *, messages: int, by_hand: bool = False) -> Outcome:
    """
    Break a new system in a folder, follow the page, and look at what is there then.

    `by_hand` leaves the page's commands to whoever sits at the terminal. Raises RunbookFailed.
    """
    key = secrets.token_urlsafe(32)
    with ExitStack() as stack:
        settings = {
            **AS_DEPLOYED,
            **rehearsal.settings,
            "OPERATOR_KEYS": f'{{"rehearsal": "{hashlib.sha256(key.encode()).hexdigest()}"}}',
        }
        archive = rehearsal.postgres_settings(folder)
        trial = stack.enter_context(Trial(folder, settings=settings, latency_ms=5, postgres_settings=archive))
        headers = {"Authorization": f"Bearer {key}"}
        operator = stack.enter_context(httpx.Client(base_url=trial.api_base_url, headers=headers, trust_env=False))
        scene = Scene(trial, operator, stack)
        rehearsal.strike(scene, messages)
        shell = Shell(trial, key, rehearsal.errands(scene))
        outcome, begun = Outcome(rehearsal.page), time.monotonic()
        if by_hand:
            shell.open(script_of(PREAMBLE, LOCAL))
        else:
            shell.run(script_of(PAGES / f"{rehearsal.page}.md", LOCAL))
        outcome.commands_seconds = time.monotonic() - begun
        outcome.against = rehearsal.objections(scene)
        outcome.whole_seconds = time.monotonic() - begun
        return outcome
