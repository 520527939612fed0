"""
What does it cost: a million messages of a first sync, a thousand live mailboxes for a month, and an idle system?

Computed from what the other benchmarks measured on this machine and from published prices; nothing is rounded in our
favour: free grants are left out, and an instance that did anything is paid for a second at least. Instances are the
smallest that hold what was measured.
"""

import json
import math
from dataclasses import asdict, dataclass
from typing import Final

from benchmarks.report import FOLDER, Row, write_report

# US dollars, East US. Third-party tables of May 2025 to 2026: no official page could be read by a program.
GB_SECOND: Final = 0.000026  # Flex Consumption, on demand
EXECUTION: Final = 0.40 / 1_000_000
LEAST_EXECUTION_SECONDS: Final = 1.0
STORAGE_OPERATION: Final = 0.004 / 10_000  # queues and tables, general purpose v2, locally redundant
VCPU_SECOND: Final = 130 / 2 / (730 * 3600)  # of a D2ds_v5 of PostgreSQL Flexible Server, two of them at 130 a month
SMALL_SERVER_MONTH: Final = 12.41  # B1ms
SERVER_MONTH: Final = 130.0
GIGABYTE_MONTH: Final = 0.115
LOG_GIGABYTE: Final = 2.99
PRIVATE_ADDRESS_MONTH: Final = 0.01 * 730
STANDARD_PAGE_MONTH: Final = 9.0

INSTANCES: Final = ((0.5, 0.25), (2.0, 1.0), (4.0, 2.0))  # GB, besides what the platform takes, and cores
GIGABYTE: Final = 1e9
OPERATIONS_PER_QUEUE_MESSAGE: Final = 6  # put, get, two renewals, delete, and its share of empty looks
OPERATIONS_PER_LOOK_SECOND: Final = 0.5  # queues looked at while an instance is up
GIGABYTES_PER_MILLION: Final = 11.0  # table, TOAST and indexes, with lz4
LIVE_PER_DAY: Final = 40.0  # new messages of a mailbox
CHANGES_PER_MESSAGE: Final = 1.5  # it is read, moved or deleted, and that is told as well
JOBS_PER_MESSAGE: Final = 2.0  # the webhook's execution and the job's
ROUNDS_PER_DAY: Final = 24.0  # delta, of a mailbox, when nothing was missed
MONTH_SECONDS: Final = 730 * 3600.0
WORKING_SECONDS: Final = 22 * 10 * 3600.0
WORKING_SHARE: Final = 0.8  # of the mail of a month arrives in working hours
LOG_BYTES_PER_EXECUTION: Final = 100.0  # sampled


@dataclass(frozen=True, slots=True)
class Work:
    """A first sync as it was measured, on a core at least."""

    messages: int
    sync_seconds: float  # all lanes run in one instance, which is billed once
    index_seconds: float
    queue_messages: int
    client_cpu_seconds: float
    database_cpu_seconds: float
    memory_bytes: int  # of an instance, at its largest


@dataclass(frozen=True, slots=True)
class Profile:
    """What one of the template's profiles costs for a month before anybody uses it, and by which size it works."""

    name: str
    servers_month: float  # a standby counts as a server
    disks: int
    others_month: float
    instance_gigabytes: float


PROFILES: Final = (
    Profile("dev", SMALL_SERVER_MONTH, 1, 0.0, 0.5),
    Profile("prod", 2 * SERVER_MONTH, 2, 4 * PRIVATE_ADDRESS_MONTH + STANDARD_PAGE_MONTH, 2.0),
)


def million_messages(work: Work) -> float:
    """Add up what grows with each message: executions, storage operations, the database's work."""
    return sum(_million(work).values())


def _million(work: Work) -> dict[str, float]:
    times = 1_000_000 / work.messages
    gigabytes, cores = _instance(work)
    seconds = (max(work.sync_seconds, work.client_cpu_seconds / cores) + work.index_seconds / min(cores, 1)) * times
    operations = work.queue_messages * OPERATIONS_PER_QUEUE_MESSAGE * times + seconds * OPERATIONS_PER_LOOK_SECOND
    return {
        "GB-seconds": seconds * gigabytes * GB_SECOND,
        "executions": work.queue_messages * times * EXECUTION,
        "queues": operations * STORAGE_OPERATION,
        "database CPU": work.database_cpu_seconds * times * VCPU_SECOND,
    }


def _instance(work: Work) -> tuple[float, float]:
    """Return the GB and cores of the smallest instance that holds what was measured."""
    return next(each for each in INSTANCES if each[0] * GIGABYTE > work.memory_bytes)


def loaded_mailbox_month(work: Work, *, mailboxes: int = 1000, messages: int = 20_000) -> float:
    """Give a mailbox's share of a system of so many, with server and storage, its first sync spread over a year."""
    return sum(_month(work, mailboxes=mailboxes, messages=messages).values()) / mailboxes


def _month(work: Work, *, mailboxes: int, messages: int) -> dict[str, float]:
    news = mailboxes * LIVE_PER_DAY * 30 * (1 + CHANGES_PER_MESSAGE)
    rounds = mailboxes * ROUNDS_PER_DAY * 30
    executions = news * JOBS_PER_MESSAGE + rounds
    stored = mailboxes * messages / 1_000_000
    rest_seconds = MONTH_SECONDS - WORKING_SECONDS
    # Webhooks, live jobs and delta run in instances of their own, each paid while it does anything.
    busy_seconds = JOBS_PER_MESSAGE * (
        _busy(news * WORKING_SHARE, WORKING_SECONDS) + _busy(news * (1 - WORKING_SHARE), rest_seconds)
    ) + _busy(rounds, MONTH_SECONDS)
    return {
        "GB-seconds": busy_seconds * _instance(work)[0] * GB_SECOND,
        "executions": executions * EXECUTION,
        "queues": executions * OPERATIONS_PER_QUEUE_MESSAGE * STORAGE_OPERATION,
        "PostgreSQL": SERVER_MONTH,
        "storage": stored * GIGABYTES_PER_MILLION * GIGABYTE_MONTH,
        "logs": executions * LOG_BYTES_PER_EXECUTION / 1e9 * LOG_GIGABYTE,
        "first sync over 12 months": stored * million_messages(work) / 12,
    }


def _busy(executions: float, seconds: float) -> float:
    """Tell for how many of so many seconds an instance does anything, when executions come as they please."""
    return seconds * (1 - math.exp(-executions * LEAST_EXECUTION_SECONDS / seconds))


def idle_month(profile: Profile) -> float:
    """Add up what a system costs that nobody uses: servers with 32 GB, what stands beside them, and timers."""
    runs = 30 * 24 * 60 * (1 + 1 / 5 + 1 / 10)  # the sweep, renewals, delta
    timers = runs * LEAST_EXECUTION_SECONDS * profile.instance_gigabytes * GB_SECOND
    return profile.servers_month + profile.disks * 32 * GIGABYTE_MONTH + profile.others_month + timers


def loaded_month(work: Work, profile: Profile, *, mailboxes: int = 1000, messages: int = 20_000) -> float:
    """Add to that what so many mailboxes cause, in instances of the profile's size."""
    month = _month(work, mailboxes=mailboxes, messages=messages)
    month["GB-seconds"] *= profile.instance_gigabytes / _instance(work)[0]
    month["storage"] *= profile.disks
    return idle_month(profile) + sum(month.values()) - month["PostgreSQL"]


def measured_work() -> Work:
    """Read what `make bench-gate` measured last. Raises FileNotFoundError before its first run."""
    return Work(**json.loads((FOLDER / "work.json").read_text()))


def keep_work(work: Work) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "work.json").write_text(json.dumps(asdict(work)))


def measure() -> list[Row]:
    work = measured_work()
    rows: list[Row] = [{"what": f"a million messages: {name}", "$": cost} for name, cost in _million(work).items()]
    rows.append({"what": "a million messages", "$": million_messages(work)})
    month = _month(work, mailboxes=1000, messages=20_000)
    rows += [{"what": f"1,000 mailboxes a month: {name}", "$": cost} for name, cost in month.items()]
    rows.append({"what": "1,000 mailboxes a month", "$": sum(month.values())})
    rows.append({"what": "one of them", "$": loaded_mailbox_month(work)})
    for profile in PROFILES:
        rows.append({"what": f"{profile.name}, idle, a month", "$": idle_month(profile)})
        rows.append({"what": f"{profile.name}, with 1,000 mailboxes", "$": loaded_month(work, profile)})
    return rows


if __name__ == "__main__":
    write_report("cost", measure())
