"""What must hold of a mirrored mailbox after any disaster."""

import time
from typing import Final

from dev.chaos.verdict import audit_objections, differences, objections
from dev.person import Person
from dev.rehearsals.rehearsal import Scene
from dev.trial import TrialFailed

PROOF_SECONDS: Final = 60.0
SETTLING_SECONDS: Final = 20.0
ARRIVAL_SECONDS: Final = 20.0


def mirror_objections(scene: Scene, person: Person, address: str, account_id: str) -> list[str]:
    """Say what is wrong with a mailbox's mirror: rows, jobs, the subscription, notifications, cursors, the log."""
    against = _unequal(scene, address) or _left_open(scene, address, account_id)
    against = against or _repeated(scene, account_id) or _not_followed(scene, address, account_id)
    return [f"{address}: {each}" for each in against or audit_objections(person, account_id)]


def _unequal(scene: Scene, address: str) -> list[str]:
    gives_up = time.monotonic() + PROOF_SECONDS
    proof = scene.trial.prove(address)
    while not proof.holds and time.monotonic() < gives_up:
        time.sleep(0.2)
        proof = scene.trial.prove(address)
    return differences(proof) if proof.expected else ["the mailbox is empty, which proves nothing"]


def _left_open(scene: Scene, address: str, account_id: str) -> list[str]:
    """Give what is on its way some time: search vectors, a subscription that takes the place of another, a run."""
    gives_up = time.monotonic() + SETTLING_SECONDS
    against = _open_ends(scene, address, account_id)
    while against and time.monotonic() < gives_up:
        time.sleep(0.2)
        against = _open_ends(scene, address, account_id)
    return against


def _open_ends(scene: Scene, address: str, account_id: str) -> list[str]:
    ((state,),) = scene.trial.query("SELECT state::text FROM account WHERE id = %s", account_id)
    return [f"the account is {state}"] if state != "live" else objections(scene.trial, address, account_id)


def _repeated(scene: Scene, account_id: str) -> list[str]:
    sql = """
        SELECT count(*) FROM (SELECT FROM event WHERE account_id = %s AND kind = 'message.created'
                               GROUP BY message_id HAVING count(*) > 1) AS twice
    """
    ((count,),) = scene.trial.query(sql, account_id)
    return [f"{count} messages were told of twice"] if count else []


def _not_followed(scene: Scene, address: str, account_id: str) -> list[str]:
    """Try both ways by which a change comes: its notification, and the folder's cursor when there is none."""
    admin = scene.trial.simulator.admin
    told = admin.deliver(address, {"subject": "Told of"})
    if not _arrives(scene, told["immutableId"]):
        return ["notifications bring nothing"]
    admin.delivery(drop_next=100)
    silent = admin.deliver(address, {"subject": "Not told of"})
    scene.operator.post(f"/operators/accounts/{account_id}/reconciliation").raise_for_status()
    arrives = _arrives(scene, silent["immutableId"])
    admin.reset_delivery()
    return [] if arrives else ["cursors bring nothing"]


def _arrives(scene: Scene, provider_message_id: str) -> bool:
    stored = "SELECT 1 FROM message JOIN message_body ON message_id = id WHERE provider_message_id = %s"
    try:
        scene.trial.until("it is stored", lambda: bool(scene.trial.query(stored, provider_message_id)), ARRIVAL_SECONDS)
    except TrialFailed:
        return False
    return True
