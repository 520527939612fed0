"""What a person and an operator see of the whole system, the same under our host as under Microsoft's."""

import json
from typing import Any

import httpx
from azure.storage.queue import QueueClient, TextBase64EncodePolicy

from dev.trial import ADDRESS, Trial
from shared.jobs import UPKEEP_QUEUE
from tests.func.conftest import OPERATOR_KEY

PATIENCE_SECONDS = 60


def found(trial: Trial, word: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = trial.person.ask("/messages", q=word)["items"]
    return items


def as_operator(trial: Trial, path: str) -> dict[str, Any]:
    answer = trial.api.get(path, headers={"Authorization": f"Bearer {OPERATOR_KEY}"})
    document: dict[str, Any] = answer.raise_for_status().json()
    return document


def test_the_mirror_equals_the_mailbox(connected: Trial) -> None:
    proof = connected.until_proved()
    assert proof.holds, proof


def test_a_live_change_comes_by_notification_and_is_read_through_the_api(connected: Trial) -> None:
    position = connected.query("SELECT event_position FROM app_user")[0][0]
    connected.simulator.admin.deliver(ADDRESS, {"subject": "Quetzalcoatlus sighted"})
    connected.until("it is found", lambda: bool(found(connected, "quetzalcoatlus")), PATIENCE_SECONDS)
    [item] = found(connected, "quetzalcoatlus")
    message = connected.person.ask(f"/messages/{item['id']}")
    assert message["subject"] == "Quetzalcoatlus sighted"
    changes = connected.person.ask("/changes", after=position, wait_seconds=5)["items"]
    assert [change["kind"] for change in changes].count("message.created") == 1


def test_a_timer_makes_good_what_no_notification_told(connected: Trial) -> None:
    admin = connected.simulator.admin
    admin.delivery(drop_next=1_000)
    try:
        admin.deliver(ADDRESS, {"subject": "Pterodactyl unannounced"})
        connected.until("a timer brings it", lambda: bool(found(connected, "pterodactyl")), PATIENCE_SECONDS)
    finally:
        admin.reset_delivery()


def test_a_job_that_nobody_can_do_is_tried_five_times_and_shown_to_an_operator(connected: Trial) -> None:
    job = {"kind": "unheard_of.v1"}
    storage = connected.azurite.connection_string
    policy = TextBase64EncodePolicy()
    with QueueClient.from_connection_string(storage, UPKEEP_QUEUE, message_encode_policy=policy) as queue:
        queue.send_message(json.dumps(job))

    def failed() -> list[dict[str, Any]]:
        jobs: list[dict[str, Any]] = as_operator(connected, "/operators/failed-jobs")["items"]
        return jobs

    connected.until("it is recorded", lambda: bool(failed()), PATIENCE_SECONDS)
    assert [job["queue"] for job in failed()] == [UPKEEP_QUEUE]


def test_an_operator_counts_the_account(connected: Trial) -> None:
    assert as_operator(connected, "/operators/overview")["accounts"] == {"live": 1}


def test_answers_are_the_products_own_and_reach_the_page(connected: Trial) -> None:
    origin = {"Origin": connected.web_base_url}
    refused = httpx.get(f"{connected.api_base_url}/messages", headers=origin)
    assert refused.status_code == httpx.codes.UNAUTHORIZED
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.headers["access-control-allow-origin"] == connected.web_base_url
    assert refused.headers["access-control-allow-credentials"] == "true"
    assert httpx.put(f"{connected.api_base_url}/ready").status_code == httpx.codes.NOT_FOUND
