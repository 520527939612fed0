"""What must hold of a mailbox once the faults are over, and the reasons when it does not."""

import json
import time
from dataclasses import dataclass, field
from typing import Any, Final

from dev.chaos.mailbox_faults import subscriptions_of
from dev.person import Person
from dev.proof import Proof
from dev.trial import Trial

MOST_IN_FLIGHT: Final = 4
AUDIT_SECONDS: Final = 30.0
SHOWN: Final = 3


@dataclass(slots=True)
class Verdict:
    """What was found of a seed; it converged when nothing speaks against it."""

    seed: int
    proof: Proof = field(default_factory=Proof)
    seconds: float = 0  # from the end of the faults to the equal mirror
    against: list[str] = field(default_factory=list)

    @property
    def converged(self) -> bool:
        return self.proof.holds and not self.against

    def __str__(self) -> str:
        word = "converged" if self.converged else "FAILED"
        return f"seed {self.seed}: {word} after {self.seconds:.1f} s · {self.proof}{''.join(map(_line, self.against))}"


def differences(proof: Proof) -> list[str]:
    """Name the first of what differs."""
    return [
        *(f"missing {one}" for one in proof.missing[:SHOWN]),
        *(f"extra {one}" for one in proof.extra[:SHOWN]),
        *(f"different {one}: {', '.join(names)}" for one, names in list(proof.different.items())[:SHOWN]),
    ]


def state_objections(person: Person, address: str) -> list[str]:
    account = person.account_of(address)
    if account is None:
        return ["the account is not connected"]
    return [] if account["state"] == "live" else [f"the account is {account['state']}: {account['state_reason']}"]


def objections(trial: Trial, address: str, account_id: str) -> list[str]:
    """Say what else, beside the mirror, is not as it must be after the faults."""
    against = []
    if (peak := trial.simulator.admin.usage(address)["peakConcurrency"]) > MOST_IN_FLIGHT:
        against.append(f"{peak} requests were in flight at once")
    if (watchers := len(subscriptions_of(trial.simulator.admin, address))) != 1:
        against.append(f"{watchers} subscriptions are live")
    jobs = trial.query("SELECT queue, job FROM failed_job WHERE account_id = %s", account_id)
    against += [f"a job in {queue} failed for good: {json.dumps(job)}" for queue, job in jobs]
    return against + _open_work(trial, account_id)


def audit_objections(person: Person, account_id: str) -> list[str]:
    """Have the product audit the mailbox, and say what it found. Raises httpx.HTTPError when it does not answer."""
    audit = finished_audit(person, account_id)
    found = {kind: audit[kind] for kind in ("missing", "different", "extra") if audit[kind]}
    return [f"an audit found {found}"] if found or audit["state"] != "completed" else []


def finished_audit(person: Person, account_id: str) -> dict[str, Any]:
    """Ask for an audit and wait for its end, for so long and no longer."""
    audit = person.post(f"/accounts/{account_id}/audit")
    gives_up = time.monotonic() + AUDIT_SECONDS
    while audit["state"] == "running" and time.monotonic() < gives_up:
        time.sleep(0.2)
        audit = person.ask(f"/accounts/{account_id}/audits/{audit['id']}")
    return audit


def _open_work(trial: Trial, account_id: str) -> list[str]:
    pages = "SELECT state::text, count(*) FROM sync_page WHERE account_id = %s AND state <> 'done' GROUP BY 1"
    found = [f"{count} pages are {state}" for state, count in trial.query(pages, account_id)]
    unsearchable = trial.query("SELECT count(*) FROM search_backlog WHERE account_id = %s", account_id)[0][0]
    return [*found, f"{unsearchable} messages cannot be searched"] if unsearchable else found


def _line(text: str) -> str:
    return f"\n    {text}"
