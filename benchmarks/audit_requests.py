"""
How many requests does it take to prove that a mailbox of 10,000 messages is mirrored, and how long?

Once with nothing wrong, and once with one row in a hundred damaged, which the audit has to repair. Requests are counted
by the simulator and by the audit itself; the parts of a batch count as requests for the simulator, as they do at Graph.
"""

import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.report import write_report
from dev.trial import ADDRESS, Trial

MESSAGES = 10_000
QUIET = {"DELTA_SCHEDULE": "0 0 0 1 1 *", "LANE_SECONDS": "45", "SYNC_PAGE_MESSAGES": "100"}
GIVE_UP_SECONDS = 600.0


def measure() -> None:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, Trial(Path(folder), settings=QUIET) as trial:
        recipe = {"folders": ["inbox", "archive", "sentitems"], "seed": 11, "body_bytes": 2_000}
        trial.simulator.admin.make_synthetic(ADDRESS, MESSAGES, **recipe)
        trial.sign_up()
        trial.connect()
        trial.until_synced(GIVE_UP_SECONDS)
        rows = [_audited(trial, "nothing wrong")]
        _damage(trial)
        rows.append(_audited(trial, "one row in 100 damaged"))
        proof = trial.prove()
        if not proof.holds:
            raise SystemExit(f"the mirror is not complete: {proof}")
    write_report("audit_requests", rows)


def _audited(trial: Trial, name: str) -> dict[str, str | float]:
    trial.until("the mailbox is left alone", lambda: _is_quiet(trial))
    trial.simulator.admin.reset_stats()
    started = time.perf_counter()
    audit: dict[str, Any] = trial.api.post(f"/accounts/{trial.account_id}/audit").raise_for_status().json()
    path = f"/accounts/{trial.account_id}/audits/{audit['id']}"

    def is_done() -> bool:
        return bool(trial.api.get(path).raise_for_status().json()["state"] != "running")

    trial.until("the audit is done", is_done, GIVE_UP_SECONDS)
    seconds = time.perf_counter() - started
    audit = trial.api.get(path).raise_for_status().json()
    return {
        "mailbox": name,
        "messages": float(audit["compared"]),
        "differences": float(audit["missing"] + audit["different"] + audit["extra"]),
        "repaired": float(audit["repaired"]),
        "requests": float(audit["requests"]),
        "requests at Graph": float(trial.simulator.admin.usage(ADDRESS)["requests"]),
        "per 10,000": audit["requests"] * 10_000 / audit["compared"],
        "seconds": seconds,
    }


def _is_quiet(trial: Trial) -> bool:
    before = trial.simulator.admin.usage(ADDRESS)["requests"]
    time.sleep(1)
    return bool(trial.simulator.admin.usage(ADDRESS)["requests"] == before)


def _damage(trial: Trial) -> None:
    """Damage some rows: a third is deleted, a third changed in its read state, a third in its change key."""
    with psycopg.connect(trial.urls.owner_url) as conn:
        conn.execute(
            """CREATE TEMP TABLE damaged AS
               SELECT id, number / 100 AS batch FROM (SELECT id, row_number() OVER (ORDER BY id) AS number FROM message)
                WHERE number % 100 = 0"""
        )
        conn.execute(
            "UPDATE message SET is_read = NOT is_read FROM damaged d WHERE d.id = message.id AND batch % 3 = 0"
        )
        conn.execute("UPDATE message SET change_key = 'x' FROM damaged d WHERE d.id = message.id AND batch % 3 = 1")
        conn.execute("DELETE FROM message USING damaged d WHERE d.id = message.id AND batch % 3 = 2")


if __name__ == "__main__":
    measure()
