"""
How long does Graph wait for the webhook's answer at 200 notifications a second over 50 subscriptions?

Notifications come in POSTs of one to ten, at fixed times, whatever became of those before; an answer is counted from
the time at which its POST was due. The jobs run meanwhile in the same host: `known` names versions that are stored, so
that a job ends at the database, `news` names others, so that each fetches its message. The target is a 99th percentile
under 200 ms; Graph itself waits for three seconds.
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

from benchmarks.report import Row, write_report
from dev.trial import Trial

MAILBOXES = 50
PER_SECOND = 200
MOST_ITEMS = 10
TARGET_MS = 200.0
SETTLING_SECONDS = 300.0
QUIET = {"DELTA_SCHEDULE": "0 0 0 1 1 *", "RENEWAL_SCHEDULE": "0 0 0 1 1 *"}

Item = dict[str, Any]


def measure(seconds: float) -> None:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, Trial(Path(folder), settings=QUIET) as trial:
        addresses = trial.add_mailboxes(MAILBOXES, messages=20)
        items = [item for address in addresses for item in _items(trial, address)]
        _wait_for_quiet(trial)
        known = _row("known", asyncio.run(_answers(trial, items, seconds)))
        _wait_for_quiet(trial)
        unseen = [item | {"resourceData": item["resourceData"] | {"@odata.etag": 'W/"news"'}} for item in items]
        news = _row("news", asyncio.run(_answers(trial, unseen, seconds)))
    write_report("webhook_answers", [known, news])
    print(f"The target is a p99 under {TARGET_MS:.0f} ms.")


def _row(jobs: str, answers: Sequence[tuple[float, int]]) -> Row:
    percentiles = statistics.quantiles([seconds for seconds, _ in answers], n=100)
    return {
        "jobs": jobs,
        "POSTs": float(len(answers)),
        "not 202": float(sum(status != httpx.codes.ACCEPTED for _, status in answers)),
        "p50 ms": percentiles[49] * 1000,
        "p95 ms": percentiles[94] * 1000,
        "p99 ms": percentiles[98] * 1000,
        "max ms": max(seconds for seconds, _ in answers) * 1000,
    }


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
    """Wait until the requests to the mailboxes have come to rest: what ran before is not part of the question."""
    counts: list[object] = []

    def is_quiet() -> bool:
        time.sleep(1)
        counts.append(trial.simulator.admin.stats()["usage"])
        return len(counts) > 1 and counts[-1] == counts[-2]

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
