"""What happens to a seed and to its round: all of it decided by numbers, none of it by the moment."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from dev.chaos.mailbox_faults import MailboxFault, cells, plan_mailbox_fault
from dev.chaos.mailbox_user import PLACES, Action, plan_actions
from dev.chaos.system_faults import FAULTS, SystemFault, plan_system_fault

ACTIVE_SECONDS: Final = 8.0
ODD_PERCENT: Final = 8.0
HARMLESS_ODD: Final = ("nul", "surrogate", "no-from", "no-subject", "no-body", "zero-date", "meeting", "files", "item")
Cell = tuple[str, str]
"""A fault and the stage at which it strikes; no stage: the mailbox's own faults, and those of the system."""


@dataclass(frozen=True, slots=True)
class SeedPlan:
    seed: int
    messages: int
    folders: Sequence[str]
    actions: Sequence[Action]
    faults: Sequence[MailboxFault]
    audit_at: float
    """When the owner asks for an audit, so many seconds after the start; it is refused while the first sync runs."""

    @property
    def address(self) -> str:
        return f"seed{self.seed}@contoso.example"

    def __str__(self) -> str:
        faults = ", ".join(map(str, self.faults)) or "no fault of its own"
        return f"{self.messages} messages, {len(self.actions)} actions; {faults}"


@dataclass(frozen=True, slots=True)
class RoundPlan:
    """Seeds that run at the same time in one system."""

    seeds: Sequence[SeedPlan]
    faults: Sequence[SystemFault]
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def first(self) -> int:
        return self.seeds[0].seed

    def __str__(self) -> str:
        return ", ".join(map(str, self.faults)) or "no fault of the system"


def every_cell() -> list[Cell]:
    """List the whole matrix, in its order."""
    return [*cells(), *((name, "") for name in FAULTS)]


def plan_round(first: int, together: int, chosen: Sequence[Cell] | None = None) -> RoundPlan:
    """
    Plan the seeds from `first` on.

    With `chosen` cells, seed n suffers the n-th of them (from the first again after the last); the system suffers only
    those that are its own.
    """
    seeds = range(first, first + together)
    chance = random.Random(f"round {first}")  # noqa: S311 - repeatable
    if chosen is None:
        names = chance.sample(list(FAULTS), chance.choice((0, 1, 1, 2)))
        plans = [plan_seed(seed) for seed in seeds]
    else:
        suffered = [chosen[seed % len(chosen)] for seed in seeds]
        names = [name for name, _ in suffered if name in FAULTS]
        plans = [plan_seed(seed, cell) for seed, cell in zip(seeds, suffered, strict=True)]
    faults = sorted((plan_system_fault(chance, name, until=ACTIVE_SECONDS - 3) for name in names), key=lambda f: f.at)
    return RoundPlan(plans, faults)


def plan_seed(seed: int, cell: Cell | None = None) -> SeedPlan:
    chance = random.Random(seed)  # noqa: S311 - repeatable
    chosen = [cell] if cell else chance.sample(cells(), chance.randint(1, 4))
    faults = [plan_mailbox_fault(chance, one, until=ACTIVE_SECONDS) for one in chosen if one[0] not in FAULTS]
    return SeedPlan(
        seed=seed,
        messages=chance.randint(60, 200),
        folders=[*chance.sample(PLACES, chance.randint(2, 4)), "inbox/Projects", "archive/2025/Q1"],
        actions=plan_actions(chance, count=chance.randint(15, 40), until=ACTIVE_SECONDS),
        faults=sorted(faults, key=lambda fault: fault.at),
        audit_at=chance.uniform(ACTIVE_SECONDS / 2, ACTIVE_SECONDS),
    )
