"""
Run seeds of chaos: `python -m dev.chaos --seeds 20 --start 1000` ends with `20 of 20 seeds converged` and status 0.

A seed is a mailbox with a user in it, connected while faults of its own and of the system strike. When they are over it
has two minutes to become equal to the mailbox, field by field. The same seeds at once are the same choices again.
"""

import argparse
import shlex
import sys
import time
from collections.abc import Sequence
from typing import Final

from dev.chaos.plan import Cell, RoundPlan, every_cell, plan_round
from dev.chaos.rounds import LOGS, run_rounds

TOGETHER: Final = 4
DEFAULT_SEEDS: Final = 20


def main() -> int:
    wanted = _arguments()
    cells = _cells(wanted)
    plans = _plans(wanted, cells)
    total = sum(len(plan.seeds) for plan in plans)
    converged, begun = 0, time.monotonic()
    for plan, verdicts in run_rounds(plans):
        print(f"round {plan.first}: {plan}", flush=True)
        for seed, verdict in zip(plan.seeds, verdicts, strict=True):
            print(f"{verdict}" if verdict.converged else f"{verdict}\n    plan: {seed}", flush=True)
        converged += sum(verdict.converged for verdict in verdicts)
        if not all(verdict.converged for verdict in verdicts):
            print(f"    again: {_command(plan, wanted)}\n    logs: {LOGS / f'round-{plan.first}'}", flush=True)
    print(f"{time.monotonic() - begun:.0f} s")
    print(f"{converged} of {total} seeds converged")
    return 0 if converged == total else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m dev.chaos", description=__doc__)
    parser.add_argument("--seeds", type=int, help="how many (20, or one for each cell)")
    parser.add_argument("--start", type=int, default=1, help="the first seed")
    parser.add_argument("--together", type=int, default=TOGETHER, help="seeds that share a round and its faults")
    parser.add_argument("--matrix", action="store_true", help="every fault at every stage once, and nothing else")
    parser.add_argument("--fault", help="only cells of the matrix with this in the fault's name")
    parser.add_argument("--stage", help="only cells of the matrix with this in the stage's name")
    return parser.parse_args()


def _cells(wanted: argparse.Namespace) -> list[Cell] | None:
    if not (wanted.matrix or wanted.fault or wanted.stage):
        return None
    return [
        (fault, stage)
        for fault, stage in every_cell()
        if (wanted.fault or "") in fault and (wanted.stage or "") in stage
    ]


def _plans(wanted: argparse.Namespace, cells: Sequence[Cell] | None) -> list[RoundPlan]:
    start, together = wanted.start, wanted.together
    last = start + (wanted.seeds or (len(cells) if cells else DEFAULT_SEEDS))
    return [plan_round(first, min(together, last - first), cells) for first in range(start, last, together)]


def _command(plan: RoundPlan, wanted: argparse.Namespace) -> str:
    words = ["python", "-m", "dev.chaos", "--seeds", str(len(plan.seeds)), "--start", str(plan.first)]
    words += ["--together", str(wanted.together)]
    words += ["--matrix"] if wanted.matrix else []
    words += ["--fault", wanted.fault] if wanted.fault else []
    words += ["--stage", wanted.stage] if wanted.stage else []
    return shlex.join(words)


if __name__ == "__main__":
    sys.exit(main())
