"""Somebody destroys rows: the database goes back to the moment before, and the mirror catches up with the mailbox."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Final

import httpx
import psycopg

from dev.person import Person
from dev.postgres import RunningPostgres
from dev.postgres.backup import Backups
from dev.rehearsals.checks import mirror_objections
from dev.rehearsals.rehearsal import Rehearsal, Scene
from dev.rehearsals.shell import Errand
from dev.trial import ADDRESS

LEAVER: Final = "leaver@contoso.example"
NEWCOMER: Final = "newcomer@contoso.example"
FEW: Final = 20
STRANGERS: Final = 30  # messages of which a client is told after the moment


class RestoreDatabase(Rehearsal):
    """After the moment mail comes, changes and goes, one mailbox is disconnected and another connected."""

    page: ClassVar[str] = "restore-database"

    def __init__(self) -> None:
        self._backups: Backups
        self._moment: datetime
        self._newcomer: Person
        self._leaver_account = self._newcomer_account = ""
        self._position = 0

    def postgres_settings(self, folder: Path) -> Mapping[str, str]:
        self._backups = Backups(folder / "backups")
        return self._backups.settings

    def errands(self, scene: Scene) -> Mapping[str, Errand]:
        def moment(_: Sequence[str]) -> str:
            return self._moment.isoformat()

        def restore(words: Sequence[str]) -> str:
            folder = scene.trial.folder / "restored"
            restored: RunningPostgres = self._backups.restore(
                scene.trial.postgres, datetime.fromisoformat(words[0]), folder
            )
            scene.trial.move_to(restored)
            return scene.trial.urls.owner_url

        return {**super().errands(scene), "moment": moment, "restore": restore}

    def strike(self, scene: Scene, messages: int) -> None:
        trial, admin = scene.trial, scene.trial.simulator.admin
        self._backups.copy(trial.postgres)
        for address in (LEAVER, NEWCOMER):
            admin.create_user(address)
            admin.make_synthetic(address, FEW, folders=["inbox"], seed=2)
        scene.fill_and_connect(messages)
        leaver = scene.somebody(f"owner-of-{LEAVER}")
        self._leaver_account = leaver.connect(LEAVER)
        trial.until("all are live", lambda: trial.query("SELECT count(*) FROM account WHERE state = 'live'") == [(2,)])
        trial.until("nothing is on its way", lambda: trial.query("SELECT 1 FROM search_backlog") == [])
        ((self._moment,),) = trial.query("SELECT clock_timestamp()")
        self._go_on_living(scene, leaver)
        with psycopg.connect(trial.urls.owner_url) as conn:  # the accident
            conn.execute("DELETE FROM message WHERE account_id = %s", [trial.account_id])

    def _go_on_living(self, scene: Scene, leaver: Person) -> None:
        trial, admin = scene.trial, scene.trial.simulator.admin
        old = admin.messages(ADDRESS, "inbox")
        new = [admin.deliver(ADDRESS, {"subject": f"After {number}"})["immutableId"] for number in range(STRANGERS)]
        admin.update(ADDRESS, old[0]["immutableId"], isRead=True, flag={"flagStatus": "flagged"})
        admin.move(ADDRESS, old[1]["immutableId"], "archive")
        admin.delete(ADDRESS, old[2]["immutableId"], permanent=True)
        leaver.disconnect(self._leaver_account)
        self._newcomer = scene.somebody(f"owner-of-{NEWCOMER}")
        self._newcomer.connect(NEWCOMER)
        stored = "SELECT count(*) FROM message WHERE provider_message_id = ANY(%s)"
        trial.until("its mail is here", lambda: trial.query(stored, new) == [(STRANGERS,)])
        gone = "SELECT 1 FROM account WHERE id = %s"
        trial.until("the leaver is gone", lambda: not trial.query(gone, self._leaver_account))
        self._position = trial.person.ask("/changes")["position"]

    def objections(self, scene: Scene) -> list[str]:
        trial = scene.trial
        against = [] if self._is_told_to_begin_anew(scene) else ["a client's position passes for one of this log"]
        if trial.query("SELECT 1 FROM user_session WHERE revoked_at IS NULL"):
            against.append("sessions that may have ended are alive")
        if trial.query("SELECT 1 FROM account WHERE id = %s", self._leaver_account):
            against.append("a mailbox that was disconnected is back")
        trial.person.sign_up()
        against += mirror_objections(scene, trial.person, ADDRESS, trial.account_id)
        self._newcomer.sign_up()  # anew: they signed up after the moment
        self._newcomer_account = self._newcomer.connect(NEWCOMER)
        return [*against, *mirror_objections(scene, self._newcomer, NEWCOMER, self._newcomer_account)]

    def _is_told_to_begin_anew(self, scene: Scene) -> bool:
        """Ask as a client that followed the log beyond the moment: at once, and after new changes."""
        before = scene.trial.api.get("/changes", params={"after": self._position})
        admin = scene.trial.simulator.admin
        for number in range(3):
            admin.deliver(ADDRESS, {"subject": f"Another {number}"})
        later = scene.trial.api.get("/changes", params={"after": self._position, "wait_seconds": 2})
        return before.status_code == later.status_code == httpx.codes.GONE
