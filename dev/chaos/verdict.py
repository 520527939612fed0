"""What must hold of a mailbox once the faults are over, and the reasons when it does not."""

import json
from dataclasses import dataclass, field
from typing import Final

from dev.chaos.mailbox_faults import subscriptions_of
from dev.person import Person
from dev.proof import Proof
from dev.trial import Trial

MOST_IN_FLIGHT: Final = 4
SHOWN: Final = 8


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


def objections(trial: Trial, person: Person, address: str, account_id: str) -> list[str]:
    """Say what else, beside the mirror, is not as it must be after the faults."""
    against = []
    if (peak := trial.simulator.admin.usage(address)["peakConcurrency"]) > MOST_IN_FLIGHT:
        against.append(f"{peak} requests were in flight at once")
    if (watchers := len(subscriptions_of(trial.simulator.admin, address))) != 1:
        against.append(f"{watchers} subscriptions are live")
    account = person.account_of(address)
    if account is None or account["state"] != "live":
        against.append(f"the account is {account and account['state']}: {account and account['state_reason']}")
    jobs = trial.query("SELECT queue, job FROM failed_job WHERE account_id = %s", account_id)
    against += [f"a job in {queue} failed for good: {json.dumps(job)}" for queue, job in jobs]
    return against + _open_work(trial, account_id)


def _open_work(trial: Trial, account_id: str) -> list[str]:
    pages = "SELECT state::text, count(*) FROM sync_page WHERE account_id = %s AND state <> 'done' GROUP BY 1"
    found = [f"{count} pages are {state}" for state, count in trial.query(pages, account_id)]
    unsearchable = trial.query("SELECT count(*) FROM search_backlog WHERE account_id = %s", account_id)[0][0]
    return [*found, f"{unsearchable} messages cannot be searched"] if unsearchable else found


def _line(text: str) -> str:
    return f"\n    {text}"
