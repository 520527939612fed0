"""
How long does Graph wait for the webhook's answer at 200 notifications a second over 50 subscriptions?

Notifications come in POSTs of one to ten, at fixed times, whatever became of those before; an answer is counted from
the time at which its POST was due. `elsewhere`: this host runs no live jobs, as in Azure, where HTTP has instances of
its own. `known` and `news`: one host does everything, jobs included, which end at the database because the version is
stored, or fetch their message because it is not. The target is a 99th percentile under 200 ms; Graph waits for three
seconds. CPU is the host's, for each notification, until its job is done.
"""

import argparse
import asyncio
import itertools
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks.report import Row, write_report
from dev.trial import Trial

MAILBOXES = 50
PER_SECOND = 200
MOST_ITEMS = 10
TARGET_MS = 200.0
SETTLING_SECONDS = 300.0
LOOK_SECONDS = 2.0
QUIET_SHARE = 0.1  # of a core: what polling queues costs
QUIET = {"DELTA_SCHEDULE": "0 0 0 1 1 *", "RENEWAL_SCHEDULE": "0 0 0 1 1 *"}
APART = {**QUIET, "AzureWebJobs.run_live_job.Disabled": "true"}

Item = dict[str, Any]


def measure(seconds: float) -> None:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, Trial(Path(folder), settings=APART) as trial:
        rows = [_row("elsewhere", trial, _known_items(trial), seconds)]
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, Trial(Path(folder), settings=QUIET) as trial:
        items = _known_items(trial)
        rows.append(_row("known", trial, items, seconds))
        unseen = [item | {"resourceData": item["resourceData"] | {"@odata.etag": 'W/"news"'}} for item in items]
        rows.append(_row("news", trial, unseen, seconds))
    write_report("webhook_answers", rows)
    print(f"The target is a p99 under {TARGET_MS:.0f} ms.")


def _row(jobs: str, trial: Trial, items: Sequence[Item], seconds: float) -> Row:
    before = _cpu_seconds(trial)
    answers = asyncio.run(_answers(trial, items, seconds))
    _wait_for_quiet(trial)
    spent = _cpu_seconds(trial) - before
    percentiles = statistics.quantiles([seconds for seconds, _ in answers], n=100)
    return {
        "jobs": jobs,
        "POSTs": float(len(answers)),
        "not 202": float(sum(status != httpx.codes.ACCEPTED for _, status in answers)),
        "p50 ms": percentiles[49] * 1000,
        "p95 ms": percentiles[94] * 1000,
        "p99 ms": percentiles[98] * 1000,
        "max ms": max(seconds for seconds, _ in answers) * 1000,
        "host CPU ms": spent / (seconds * PER_SECOND) * 1000,
    }


def _cpu_seconds(trial: Trial) -> float:
    process = psutil.Process(trial.hosts[0].pid)
    times = [member.cpu_times() for member in (process, *process.children(recursive=True))]
    return sum(each.user + each.system for each in times)


def _known_items(trial: Trial) -> list[Item]:
    """Connect mailboxes and make a notification of each of their messages."""
    addresses = trial.add_mailboxes(MAILBOXES, messages=20)
    items = [item for address in addresses for item in _items(trial, address)]
    _wait_for_quiet(trial)
    return items


def _items(trial: Trial, address: str) -> list[Item]:
    """Make a notification of each message that the mailbox holds, as its subscription has them."""
    admin = trial.simulator.admin
    sql = "SELECT provider_subscription_id FROM account JOIN subscription ON account_id = id WHERE address = %s"
    known = trial.query(sql, address)[0][0]
    subscription = next(one for one in admin.subscriptions() if one["id"] == known)
    return [
        {
            "subscriptionId": subscription["id"],
            "subscriptionExpirationDateTime": "2026-12-01T03:12:18.2257768+05:30",
            "clientState": subscription["clientState"],
            "changeType": "updated",
            "resource": f"Users/{address}/Messages/{message['immutableId']}",
            "tenantId": "84bd8158-6d4d-4958-8b9f-9d6445542f95",
            "resourceData": {
                "@odata.type": "#Microsoft.Graph.Message",
                "@odata.etag": f'W/"{message["changeKey"]}"',
                "id": message["immutableId"],
            },
        }
        for message in admin.messages(address)
    ]


def _wait_for_quiet(trial: Trial) -> None:
    """Wait until the host has next to nothing to do: what ran before is not part of the question."""

    def is_quiet() -> bool:
        before = _cpu_seconds(trial)
        time.sleep(LOOK_SECONDS)
        return _cpu_seconds(trial) - before < QUIET_SHARE * LOOK_SECONDS

    trial.until("jobs have come to rest", is_quiet, SETTLING_SECONDS)


async def _answers(trial: Trial, items: Sequence[Item], seconds: float) -> list[tuple[float, int]]:
    """Send POSTs, each at its time; return how long each answer took, and its status."""
    limits = httpx.Limits(max_connections=100, max_keepalive_connections=100)
    async with httpx.AsyncClient(base_url=trial.api_base_url, limits=limits, timeout=30, trust_env=False) as http:
        starts = asyncio.get_running_loop().time() + 1
        posts = [
            asyncio.create_task(_post(http, body, starts + number / PER_SECOND))
            for number, body in _posts(items, int(seconds * PER_SECOND))
        ]
        return list(await asyncio.gather(*posts))


def _posts(items: Sequence[Item], count: int) -> Iterator[tuple[int, list[Item]]]:
    """Cut `count` notifications into POSTs, with the number of the notification that begins each."""
    choice = random.Random(7)  # noqa: S311 - the same POSTs at each run
    shuffled = choice.sample(items, len(items))
    endless, number = itertools.cycle(shuffled), 0
    while number < count:
        size = choice.randint(1, MOST_ITEMS)
        yield number, list(itertools.islice(endless, size))
        number += size


async def _post(http: httpx.AsyncClient, items: list[Item], due: float) -> tuple[float, int]:
    loop = asyncio.get_running_loop()
    await asyncio.sleep(max(0.0, due - loop.time()))
    answer = await http.post("/webhooks/graph", json={"value": items})
    return loop.time() - due, answer.status_code


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30)
    measure(parser.parse_args().seconds)
