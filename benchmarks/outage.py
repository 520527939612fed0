"""
How long after an outage of Graph is every mailbox whole again?

Several mailboxes are live when Graph stops answering, and mail goes on arriving in them. Its notifications come when it
is back. The clock starts there and stops, for each mailbox, when the proof finds it equal to its rows.
"""

import argparse
import random
import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.report import write_report
from dev.person import Person
from dev.trial import Trial

MESSAGES = 200
GIVE_UP_SECONDS = 300.0
SETTINGS = {"DELTA_SCHEDULE": "*/30 * * * * *", "CHANGES_INTERVAL_SECONDS": "60"}


def measure(seconds: float, accounts: int, per_second: float) -> None:
    addresses = [f"mailbox{number}@contoso.example" for number in range(accounts)]
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))
        trial = stack.enter_context(Trial(Path(folder), settings=SETTINGS, latency_ms=20))
        for address in addresses:
            _connect(trial, stack.enter_context(trial.somebody(f"owner-of-{address}")), address)
        arrived = _go_out(trial, addresses, seconds, per_second)
        took = sorted(_seconds_to_whole(trial, addresses))
    row = {
        "outage s": seconds,
        "mailboxes": float(accounts),
        "arrived meanwhile": float(arrived),
        "first s": took[0],
        "median s": statistics.median(took),
        "last s": took[-1],
    }
    write_report("outage", [row])


def _connect(trial: Trial, person: Person, address: str) -> None:
    trial.simulator.admin.create_user(address)
    trial.simulator.admin.make_synthetic(address, MESSAGES, folders=["inbox", "archive"], seed=1)
    person.sign_up()
    account_id = person.connect(address)
    trial.until("the sync is complete", lambda: person.progress(account_id)["state"] == "completed")


def _go_out(trial: Trial, addresses: list[str], seconds: float, per_second: float) -> int:
    """Refuse every request for so long, while mail arrives unannounced; return how much did."""
    admin, chance, ends = trial.simulator.admin, random.Random(0), time.monotonic() + seconds  # noqa: S311 - repeatable
    admin.delivery(is_paused=True)
    admin.fault("unavailable", path="", times=None, retry_after_seconds=10)
    arrived = 0
    while time.monotonic() < ends:
        admin.deliver(chance.choice(addresses), {"subject": f"During the outage {arrived}"})
        arrived += 1
        time.sleep(chance.expovariate(per_second))
    admin.clear_faults()
    admin.reset_delivery()
    return arrived


def _seconds_to_whole(trial: Trial, addresses: list[str]) -> list[float]:
    started = time.monotonic()
    waiting, took = list(addresses), []
    while waiting:
        if time.monotonic() - started > GIVE_UP_SECONDS:
            raise TimeoutError(f"{len(waiting)} mailboxes are not whole after {GIVE_UP_SECONDS} s; see {trial.log}")
        whole = [address for address in waiting if trial.prove(address).holds]
        took += [time.monotonic() - started] * len(whole)
        waiting = [address for address in waiting if address not in whole]
        time.sleep(0.1)
    return took


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--accounts", type=int, default=10)
    parser.add_argument("--per-second", type=float, default=1)
    wanted = parser.parse_args()
    measure(wanted.seconds, wanted.accounts, wanted.per_second)
