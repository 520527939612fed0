"""
Rehearse runbooks: `python -m dev.rehearsals lost-queue`, or `--all`, ends with `6 of 6 runbooks hold` and status 0.

Each rehearsal starts a system, breaks it, runs the commands that docs/runbooks/NAME.md marks as local, and proves the
mirror. With `--by-hand` the commands are left to you, in a shell in which they work; leave it to see the proof.
"""

import argparse
import shutil
import sys
import time
from collections.abc import Sequence
from typing import Final

from dev.rehearsals.plan import REHEARSALS
from dev.rehearsals.rehearsal import Outcome, rehearse
from dev.rehearsals.shell import RunbookFailed
from dev.trial import ROOT, TrialFailed

LOGS: Final = ROOT / ".local" / "rehearsals"
MESSAGES: Final = 3_000


def main() -> int:
    wanted = _arguments()
    outcomes: list[Outcome] = []
    names: Sequence[str] = list(REHEARSALS) if wanted.all else wanted.names
    for name in names:
        outcomes.append(_rehearse(name, wanted))
        print(outcomes[-1], flush=True)
    held = sum(not outcome.against for outcome in outcomes)
    print(f"{held} of {len(names)} runbooks hold")
    return 0 if held == len(names) else 1


def _rehearse(name: str, wanted: argparse.Namespace) -> Outcome:
    folder = LOGS / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    begun = time.monotonic()
    try:
        return rehearse(REHEARSALS[name](), folder, messages=wanted.messages, by_hand=wanted.by_hand)
    except (RunbookFailed, TrialFailed) as exc:
        return Outcome(name, whole_seconds=time.monotonic() - begun, against=[str(exc)])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m dev.rehearsals", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*REHEARSALS, []], help="runbooks, by the names of their pages")
    parser.add_argument("--all", action="store_true", help="every runbook")
    parser.add_argument("--messages", type=int, default=MESSAGES, help="in the mailbox that is mirrored")
    parser.add_argument("--by-hand", action="store_true", help="leave the commands to me")
    wanted = parser.parse_args()
    if wanted.all == bool(wanted.names):
        parser.error("name runbooks, or all of them with --all")
    return wanted


if __name__ == "__main__":
    sys.exit(main())
