"""All queue messages are gone: a first sync stands still, and notifications that were acknowledged are forgotten."""

from collections.abc import Mapping
from typing import ClassVar, Final

from azure.storage.queue import QueueServiceClient

from dev.person import Person
from dev.rehearsals.checks import mirror_objections
from dev.rehearsals.rehearsal import FOLDERS, Rehearsal, Scene
from dev.trial import ADDRESS, TrialFailed

NEWCOMER: Final = "newcomer@contoso.example"
NOTIFIED: Final = 40
SLOW: Final = 20_000  # milliseconds


class LostQueue(Rehearsal):
    """One mailbox is live, and another one is in the middle of its first sync."""

    page: ClassVar[str] = "lost-queue"

    def __init__(self) -> None:
        self._newcomer: Person
        self._newcomer_account = ""

    def strike(self, scene: Scene, messages: int) -> None:
        trial, admin = scene.trial, scene.trial.simulator.admin
        scene.fill_and_connect(messages)
        admin.create_user(NEWCOMER)
        admin.make_synthetic(NEWCOMER, messages, folders=list(FOLDERS), seed=1)
        admin.fault("slow", path=r"/messages\?", method="GET", mailbox=NEWCOMER, after=2, milliseconds=SLOW, times=None)
        self._newcomer = scene.somebody("newcomer-owner@contoso.example")
        self._newcomer_account = self._newcomer.connect(NEWCOMER)
        some = "SELECT count(*) > 0 FROM sync_page WHERE account_id = %s AND state = 'done'"
        trial.until("the newcomer's sync is under way", lambda: trial.query(some, self._newcomer_account)[0][0])
        arrived = self._let_notifications_wait(scene)
        for host in trial.hosts:
            host.kill()
        with QueueServiceClient.from_connection_string(trial.azurite_ports.connection_string) as service:
            for queue in list(service.list_queues()):
                service.delete_queue(queue)
        admin.clear_faults()
        stored = trial.query("SELECT count(*) FROM message WHERE provider_message_id = ANY(%s)", arrived)[0][0]
        is_open = "SELECT 1 FROM sync_run WHERE account_id = %s AND state = 'running'"
        if stored == len(arrived) or not trial.query(is_open, self._newcomer_account):
            raise TrialFailed("nothing was lost with the queues")
        trial.start_hosts()

    def _let_notifications_wait(self, scene: Scene) -> list[str]:
        """Deliver messages of which the webhook is told, and whose jobs come no further."""
        admin = scene.trial.simulator.admin
        admin.fault("slow", path="/messages/", method="GET", mailbox=ADDRESS, milliseconds=SLOW, times=None)
        admin.reset_stats()
        arrived = [admin.deliver(ADDRESS, {"subject": f"Lost {number}"})["immutableId"] for number in range(NOTIFIED)]
        scene.trial.until(
            "the webhook has taken all notifications",
            lambda: _are_all_taken(admin.stats()["notifications"]),
        )
        return arrived

    def objections(self, scene: Scene) -> list[str]:
        return [
            *mirror_objections(scene, scene.trial.person, ADDRESS, scene.trial.account_id),
            *mirror_objections(scene, self._newcomer, NEWCOMER, self._newcomer_account),
        ]


def _are_all_taken(counts: Mapping[str, int]) -> bool:
    return counts["items"] >= NOTIFIED and counts["posts"] == counts["delivered_posts"]
