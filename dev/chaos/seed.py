"""One seed: a person with a mailbox, its faults, and the verdict."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import httpx
import psycopg

from dev.chaos.follower import Follower
from dev.chaos.mailbox_faults import MISSES, MailboxFault, restore
from dev.chaos.mailbox_user import Action, MailboxUser
from dev.chaos.plan import HARMLESS_ODD, ODD_PERCENT, SeedPlan
from dev.chaos.verdict import Verdict, audit_objections, differences, finished_audit, objections, state_objections
from dev.person import ConnectingFailed, Person
from dev.trial import Trial

SETTLING_SECONDS: Final = 120.0
LOOK_SECONDS: Final = 0.5
OWNER_SECONDS: Final = 1.5  # how long an owner takes to notice that a sign-in is needed
AWAY: Final = (httpx.HTTPError, psycopg.OperationalError)  # a part is being killed


@dataclass(frozen=True, slots=True)
class _Audit:
    """The owner asks for an audit in the midst of it all."""

    at: float


@dataclass(slots=True)
class RunningSeed:
    """
    Runs in a thread of its own: `live` through the plan, then `settle` once the faults are over everywhere.

    `started` is the round's start on the monotonic clock.
    """

    trial: Trial
    plan: SeedPlan
    person: Person
    started: float
    account_id: str = ""

    def prepare(self) -> None:
        """Make the mailbox and its owner, before anything goes wrong."""
        admin = self.trial.simulator.admin
        admin.create_user(self.plan.address)
        recipe = {"folders": list(self.plan.folders), "seed": self.plan.seed, "odd_percent": ODD_PERCENT}
        admin.make_synthetic(self.plan.address, self.plan.messages, odd=list(HARMLESS_ODD), **recipe)
        self.person.sign_up()

    def live(self) -> None:
        """Connect the mailbox and go through the plan, each thing at its time."""
        admin, user = self.trial.simulator.admin, MailboxUser(self.trial.simulator.admin, self.plan.address)
        connecting = threading.Thread(target=self._connect, daemon=True)
        begun = False
        steps: list[MailboxFault | Action | _Audit] = [
            *self.plan.faults,
            *self.plan.actions,
            _Audit(self.plan.audit_at),
        ]
        for step in sorted(steps, key=lambda step: step.at):
            if step.at > 0 and not begun:
                begun = True
                connecting.start()
            time.sleep(max(0, self.started + step.at - time.monotonic()))
            if isinstance(step, Action):
                user.act(step)
            elif isinstance(step, _Audit):
                _unless_away(lambda: self.person.post(f"/accounts/{self.account_id}/audit"))
            else:
                step.strike(admin, self.plan.address)
        connecting.join()
        _unless_away(self._download_attachment)

    def settle(self, follower: Follower) -> Verdict:
        """
        Wait until the mirror is equal, for so long and no longer, and look at all the rest.

        One more message arrives, because a subscription that was lost without a word shows only by a change.
        """
        restore(self.trial.simulator.admin, self.plan.address)
        MailboxUser(self.trial.simulator.admin, self.plan.address).act(Action(0, "deliver", self.plan.seed))
        verdict = Verdict(self.plan.seed)
        faults_ended = time.monotonic()
        while time.monotonic() - faults_ended < SETTLING_SECONDS:
            _unless_away(lambda: self._look(verdict, follower))
            verdict.seconds = time.monotonic() - faults_ended
            if verdict.converged and verdict.proof.expected:
                return verdict
            time.sleep(LOOK_SECONDS)
        return verdict

    def _look(self, verdict: Verdict, follower: Follower) -> None:
        verdict.against = ["the account is not connected"]
        self._sign_in_if_asked()
        verdict.proof = self.trial.prove(self.plan.address)
        verdict.against = [*differences(verdict.proof), *state_objections(self.person, self.plan.address)]
        if not verdict.proof.holds and any(fault.name == MISSES for fault in self.plan.faults):
            finished_audit(self.person, self.account_id)  # nothing else can find what delta never tells
        if verdict.converged:
            verdict.against = objections(self.trial, self.plan.address, self.account_id)
        if verdict.converged:
            verdict.against = self._followed(follower) or self._download_attachment()
        if verdict.converged:
            verdict.against = audit_objections(self.person, self.account_id)

    def _download_attachment(self) -> list[str]:
        """Open an attachment, if there is one; say so when that comes to nothing."""
        for found in self.person.ask("/messages", has_attachments="true", limit=5)["items"]:
            for attachment in self.person.ask(f"/messages/{found['id']}")["attachments"]:
                if attachment["kind"] == "file":
                    path = f"/messages/{found['id']}/attachments/{attachment['id']}"
                    status = self.person.http.get(path).status_code
                    return [] if status == httpx.codes.OK else [f"an attachment cannot be opened: {status}"]
        return []

    def _followed(self, follower: Follower) -> list[str]:
        """Compare what a follower of the change log has with the tables, when all else is equal."""
        followed = follower.messages()
        rows = self.trial.query(
            "SELECT id::text FROM message WHERE account_id = %s AND deleted_at IS NULL", self.account_id
        )
        stored = {row[0] for row in rows}
        lacking, left = len(stored - followed), len(followed - stored)
        return [f"a follower lacks {lacking} messages and still has {left}"] if lacking or left else []

    def _connect(self) -> None:
        """Connect, and try again as a person does when that comes to nothing."""
        gives_up = time.monotonic() + SETTLING_SECONDS
        while not self.account_id and time.monotonic() < gives_up:
            try:
                self.account_id = self.person.connect(self.plan.address)
            except (*AWAY, ConnectingFailed):
                time.sleep(OWNER_SECONDS)

    def _sign_in_if_asked(self) -> None:
        account = self.person.account_of(self.plan.address)
        if account is None:
            self._connect()
        elif account["state"] == "needs_sign_in" and any(fault.asks_for_owner for fault in self.plan.faults):
            self.person.connect(self.plan.address)


def _unless_away(deed: Callable[[], object]) -> None:
    try:
        deed()
    except (*AWAY, ConnectingFailed):
        return
