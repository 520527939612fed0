"""The storage account's tables are gone while somebody signs in to connect a mailbox."""

from typing import ClassVar, Final

import httpx
from azure.data.tables import TableServiceClient

from dev.person import ConnectingFailed, Person
from dev.rehearsals.checks import mirror_objections
from dev.rehearsals.rehearsal import Rehearsal, Scene
from dev.trial import ADDRESS, TrialFailed

NEWCOMER: Final = "newcomer@contoso.example"
FEW: Final = 20


class LostTables(Rehearsal):
    """A mailbox is live; the sign-in for another one is on its way."""

    page: ClassVar[str] = "lost-tables"

    def __init__(self) -> None:
        self._newcomer: Person
        self._sign_in = ""

    def strike(self, scene: Scene, messages: int) -> None:
        trial, admin = scene.trial, scene.trial.simulator.admin
        scene.fill_and_connect(messages)
        admin.create_user(NEWCOMER)
        admin.make_synthetic(NEWCOMER, FEW, folders=["inbox"], seed=4)
        self._newcomer = scene.somebody("newcomer-owner@contoso.example")
        self._sign_in = self._newcomer.begin_connecting()
        with TableServiceClient.from_connection_string(trial.azurite_ports.connection_string) as tables:
            lost = [table.name for table in tables.list_tables()]
            for name in lost:
                tables.delete_table(name)
        if not lost:
            raise TrialFailed("there was no table to lose")

    def objections(self, scene: Scene) -> list[str]:
        against = self._failures_of_the_old_sign_in()
        account_id = self._newcomer.connect(NEWCOMER)
        return [
            *against,
            *mirror_objections(scene, self._newcomer, NEWCOMER, account_id),
            *mirror_objections(scene, scene.trial.person, ADDRESS, scene.trial.account_id),
        ]

    def _failures_of_the_old_sign_in(self) -> list[str]:
        """Finish it: it can come to nothing, and its owner must be told to begin anew."""
        try:
            self._newcomer.finish_connecting(self._sign_in, NEWCOMER)
        except ConnectingFailed as failure:
            return [] if "error=expired" in str(failure) else [str(failure)]
        except httpx.HTTPError as error:
            return [f"who was signing in is left with {error}"]
        return ["a sign-in of which nothing is known was believed"]
