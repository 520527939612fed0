"""A fault of ours has hundreds of jobs fail for good, and a newer version's jobs are left in the queues."""

import json
from collections.abc import Mapping
from typing import ClassVar, Final

import psycopg
from azure.storage.queue import QueueServiceClient, TextBase64EncodePolicy

from dev.rehearsals.checks import mirror_objections
from dev.rehearsals.rehearsal import Rehearsal, Scene
from dev.trial import ADDRESS

SHARE: Final = 10  # of the mailbox's messages, one in so many arrives during the flood
MOST: Final = 300
UNKNOWN: Final = 20
FLOOD_SECONDS: Final = 180


class PoisonFlood(Rehearsal):
    """A wrong migration has the database refuse every new message."""

    page: ClassVar[str] = "poison-flood"
    settings: ClassVar[Mapping[str, str]] = {"AzureFunctionsJobHost__extensions__queues__visibilityTimeout": "00:00:00"}

    def strike(self, scene: Scene, messages: int) -> None:
        trial, admin = scene.trial, scene.trial.simulator.admin
        scene.fill_and_connect(messages)
        with psycopg.connect(trial.urls.owner_url) as conn:
            conn.execute("""
                CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                    RAISE EXCEPTION 'a fault of ours' USING ERRCODE = '42703';
                END $$""")
            conn.execute("CREATE TRIGGER faulty BEFORE INSERT ON message FOR EACH ROW EXECUTE FUNCTION refuse()")
        flood = min(MOST, messages // SHARE)
        for number in range(flood):
            admin.deliver(ADDRESS, {"subject": f"Refused {number}"})
        policy = TextBase64EncodePolicy()
        with QueueServiceClient.from_connection_string(trial.azurite_ports.connection_string) as service:
            queue = service.get_queue_client("mail-upkeep", message_encode_policy=policy)
            for number in range(UNKNOWN):
                queue.send_message(json.dumps({"kind": "of_a_newer_version.v1", "number": number}))
        failed = "SELECT count(*) FILTER (WHERE account_id IS NOT NULL), count(*) FROM failed_job"

        def is_flooded() -> bool:
            ours, all_of_them = trial.query(failed)[0]
            return bool(ours >= flood and all_of_them >= flood + UNKNOWN)

        trial.until("the flood is there", is_flooded, FLOOD_SECONDS)

    def objections(self, scene: Scene) -> list[str]:
        left = scene.trial.query("SELECT queue, job FROM failed_job")
        against = [f"{len(left)} jobs are still failed, such as {left[0]}"] if left else []
        return [*against, *mirror_objections(scene, scene.trial.person, ADDRESS, scene.trial.account_id)]
