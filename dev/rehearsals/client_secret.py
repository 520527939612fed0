"""Somebody else has the client secret, and perhaps one mailbox's tokens too."""

from typing import ClassVar, Final

import httpx

from dev.person import Person
from dev.rehearsals.checks import mirror_objections
from dev.rehearsals.rehearsal import Rehearsal, Scene
from dev.trial import ADDRESS

STEADY: Final = "steady@contoso.example"
FEW: Final = 20
REFUSED_SECRET: Final = 7000215


class ClientSecret(Rehearsal):
    """One mailbox's owner has to sign in again, because its tokens may be stolen; another one's owner has not."""

    page: ClassVar[str] = "client-secret"

    def __init__(self) -> None:
        self._steady: Person
        self._steady_account = ""

    def strike(self, scene: Scene, messages: int) -> None:
        trial, admin = scene.trial, scene.trial.simulator.admin
        scene.fill_and_connect(messages)
        admin.create_user(STEADY)
        admin.make_synthetic(STEADY, FEW, folders=["inbox"], seed=5)
        self._steady = scene.somebody("steady-owner@contoso.example")
        self._steady_account = self._steady.connect(STEADY)
        live = "SELECT count(*) FROM account JOIN subscription ON account_id = id WHERE state = 'live'"
        trial.until("both are live", lambda: trial.query(live) == [(2,)])

    def objections(self, scene: Scene) -> list[str]:
        trial, admin = scene.trial, scene.trial.simulator.admin
        against = [] if _is_refused(scene) else ["the old secret is still good"]
        state = trial.person.account_of(ADDRESS)
        if state is None or state["state"] != "needs_sign_in":
            against.append("the owner of what may be stolen is not asked to sign in")
        trial.connect()
        admin.expire_access_tokens(STEADY)  # from here on only the new secret helps
        return [
            *against,
            *mirror_objections(scene, trial.person, ADDRESS, trial.account_id),
            *mirror_objections(scene, self._steady, STEADY, self._steady_account),
        ]


def _is_refused(scene: Scene) -> bool:
    simulator = scene.trial.simulator
    form = {
        "grant_type": "client_credentials",
        "client_id": simulator.client_id,
        "client_secret": simulator.client_secret,
    }
    answer = httpx.post(f"{simulator.authority}/oauth2/v2.0/token", data=form, verify=simulator.admin.tls)
    return REFUSED_SECRET in answer.json().get("error_codes", [])
