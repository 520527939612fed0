"""Rounds of seeds in one running system, which is started anew every so often."""

import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from dev.chaos.follower import Follower
from dev.chaos.plan import RoundPlan
from dev.chaos.seed import RunningSeed
from dev.chaos.system_faults import restore_system
from dev.chaos.verdict import Verdict
from dev.trial import ROOT, Trial

ROUNDS_PER_TRIAL: Final = 25
LOGS: Final = ROOT / ".local" / "chaos"
SETTINGS: Final[Mapping[str, str]] = {
    "GRAPH_TIMEOUT_SECONDS": "4",
    "PAGE_LEASE_SECONDS": "6",
    "LANE_SECONDS": "4",
    "SYNC_PAGE_MESSAGES": "15",
    "SYNC_LISTING_MESSAGES": "20",
}
"""Small pages and short turns, so that few messages meet every stage, and the dead are soon missed."""


def run_rounds(plans: Sequence[RoundPlan]) -> Iterator[tuple[RoundPlan, list[Verdict]]]:
    """Run rounds one after the other, in a new system every `ROUNDS_PER_TRIAL`."""
    for start in range(0, len(plans), ROUNDS_PER_TRIAL):
        with (
            tempfile.TemporaryDirectory(prefix="chaos-") as name,
            Trial(Path(name), settings=SETTINGS, latency_ms=10) as trial,
        ):
            for plan in plans[start : start + ROUNDS_PER_TRIAL]:
                verdicts = run_round(trial, plan)
                if not all(verdict.converged for verdict in verdicts):
                    keep_logs(trial, plan)
                yield plan, verdicts


def run_round(trial: Trial, plan: RoundPlan) -> list[Verdict]:
    """
    Run seeds at the same time, with the system's faults between theirs; return the verdicts in order.

    Call it from the main thread: parts are started from there only.
    """
    with ExitStack() as stack:
        people = [stack.enter_context(trial.somebody(f"owner-of-{seed.address}")) for seed in plan.seeds]
        pool = stack.enter_context(ThreadPoolExecutor(len(plan.seeds)))
        seeds = [RunningSeed(trial, seed, person, started=0) for seed, person in zip(plan.seeds, people, strict=True)]
        list(pool.map(RunningSeed.prepare, seeds))
        followers = [stack.enter_context(Follower(person)) for person in people]
        started = time.monotonic()
        for seed in seeds:
            seed.started = started
        lives = [pool.submit(seed.live) for seed in seeds]
        for fault in plan.faults:
            time.sleep(max(0, started + fault.at - time.monotonic()))
            fault.strike(trial)
        for life in lives:
            life.result()
        trial.until_ready()
        restore_system(trial)
        verdicts = list(pool.map(RunningSeed.settle, seeds, followers))
        for seed in seeds:
            if seed.account_id:
                seed.person.disconnect(seed.account_id)
    return verdicts


def keep_logs(trial: Trial, plan: RoundPlan) -> Path:
    """Copy the logs of a trial to where they stay; return the folder."""
    folder = LOGS / f"round-{plan.first}"
    folder.mkdir(parents=True, exist_ok=True)
    for log in trial.folder.glob("*.log"):
        shutil.copy(log, folder)
    return folder
