"""Parts killed at random moments of a larger first sync."""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dev.proof import Proof
from dev.trial import ADDRESS, Trial

PARTS: Final = ("host", "postgres", "azurite")
MOST_IN_FLIGHT: Final = 4
RECOVERY_SECONDS: Final = 240


@dataclass(frozen=True, slots=True)
class Outcome:
    proof: Proof
    kills: Sequence[str]  # what was killed, after how many seconds
    seconds: float
    peak_concurrency: int

    @property
    def converged(self) -> bool:
        return self.proof.holds and self.peak_concurrency <= MOST_IN_FLIGHT

    def __str__(self) -> str:
        return (
            f"{self.proof} · {self.seconds:.0f} s · at most {self.peak_concurrency} requests in flight · "
            f"killed {', '.join(self.kills)}"
        )


def kill_during_sync(
    folder: Path, chance: random.Random, *, parts: Sequence[str] = PARTS, messages: int, kills: int
) -> Outcome:
    """Run one first sync of a new mailbox, kill parts at random moments, let it end, and compare."""
    with Trial(folder, latency_ms=20) as trial:
        folders = ["inbox", "archive", "sentitems", "junkemail"]
        seed = chance.randrange(1_000_000)
        trial.simulator.admin.make_synthetic(ADDRESS, messages, folders=folders, seed=seed, odd_percent=2)
        trial.sign_up()
        trial.connect()
        started = time.monotonic()
        done = [_kill(trial, chance, chance.choice(parts), started) for _ in range(kills)]
        trial.until_ready()
        trial.until_synced(RECOVERY_SECONDS)
        proof = trial.until_proved()
        peak = trial.simulator.admin.usage(ADDRESS)["peakConcurrency"]
        return Outcome(proof, done, time.monotonic() - started, peak)


def _kill(trial: Trial, chance: random.Random, part: str, started: float) -> str:
    time.sleep(chance.uniform(0.05, 2.5))  # the moment is the experiment
    {"host": trial.kill_host, "postgres": trial.kill_postgres, "azurite": trial.kill_azurite}[part]()
    return f"{part} after {time.monotonic() - started:.1f} s"
