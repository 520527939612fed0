"""
How fast is a first sync, and at what cost in CPU, beside other ways to bring a mailbox into PostgreSQL?

Ours goes through the real host, queues, triggers and database. The others (benchmarks/contestants/) write into the same
PostgreSQL and read from the same stand-in of Graph, which answers late by `--latency-ms`, and by `--per-message-ms` for
each message with its body, and refuses a fifth request at a time. What cannot be quick is given fewer messages. CPU is
that of client and PostgreSQL, for 1,000 messages; search vectors, which no other writes, are left to a later job.
"""

import argparse
import statistics
from collections.abc import Callable, Sequence

from benchmarks.contests import (
    OURS,
    PEERS,
    PEERS_PYTHON,
    REFERENCE,
    Contest,
    Measured,
    contest_system,
    run_contestant,
)
from benchmarks.report import Row, write_report

CONTESTANTS = (OURS, REFERENCE, "serial", *PEERS, "job_per_message")


def measure(wanted: argparse.Namespace) -> list[Row]:
    contest = Contest(wanted.messages, wanted.latency_ms, wanted.per_message_ms, wanted.page)
    results: dict[str, list[Measured]] = {name: [] for name in wanted.contestants}
    for _ in range(wanted.repeats):
        with contest_system(wanted.page, hosts=wanted.hosts) as trial:
            for name in wanted.contestants:
                results[name].append(run_contestant(trial, name, contest))
    return _rows(results, contest)


def _rows(results: dict[str, list[Measured]], contest: Contest) -> list[Row]:
    ours = results.get(OURS) or next(iter(results.values()))
    return [
        {
            "latency": f"{contest.latency_ms:.0f} ms + {contest.per_message_ms:.0f} per message",
            "contestant": name,
            "messages/s": _median(runs, lambda run: run.rate),
            "ours to it": _median(ours, lambda run: run.rate) / _median(runs, lambda run: run.rate),
            "client CPU s": _median(runs, lambda run: run.client_cpu),
            "database CPU s": _median(runs, lambda run: run.database_cpu),
        }
        for name, runs in results.items()
    ]


def _median(runs: Sequence[Measured], value: Callable[[Measured], float]) -> float:
    return statistics.median(value(run) for run in runs)


def arguments() -> argparse.Namespace:
    able = CONTESTANTS if PEERS_PYTHON.exists() else [name for name in CONTESTANTS if name not in PEERS]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--latency-ms", type=float, default=150)
    parser.add_argument("--per-message-ms", type=float, default=0)
    parser.add_argument("--page", type=int, default=250, help="messages in a page, of those who choose")
    parser.add_argument("--hosts", type=int, default=2, help="instances of ours")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--contestants", nargs="*", default=able, choices=CONTESTANTS)
    return parser.parse_args()


if __name__ == "__main__":
    write_report("first_sync", measure(arguments()))
