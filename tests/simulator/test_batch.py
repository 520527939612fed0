"""$batch: what is accepted, in which order it runs, and what an inner failure looks like."""

import base64
from typing import Any

import httpx
import pytest

from tests.simulator.people import IMMUTABLE, Person, in_path


def batch(person: Person, *requests: dict[str, Any]) -> httpx.Response:
    return person.http.post("/$batch", json={"requests": list(requests)})


def by_id(answer: httpx.Response) -> dict[str, dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    return {one["id"]: one for one in answer.json()["responses"]}


def test_each_request_is_answered_for_itself(person: Person) -> None:
    message = person.deliver(subject="one")
    own = f"/me/messages/{in_path(message['immutableId'])}"
    gone = own.replace("A%3D", "B%3D").replace("AA", "AB", 1)
    answers = by_id(
        batch(
            person,
            {"id": "a", "method": "GET", "url": f"{own}?$select=subject", "headers": {"Prefer": IMMUTABLE}},
            {"id": "b", "method": "GET", "url": gone},
            {"id": "c", "method": "GET", "url": "/me/contacts"},
            {
                "id": "d",
                "method": "PATCH",
                "url": own,
                "body": {"isRead": True},
                "headers": {"Content-Type": "application/json"},
            },
        )
    )
    assert answers["a"]["status"] == 200
    assert answers["a"]["body"]["id"] == message["immutableId"]
    assert (answers["b"]["status"], answers["b"]["body"]["error"]["code"]) == (400, "ErrorInvalidIdMalformed")
    assert answers["c"]["status"] == 501
    assert (answers["d"]["status"], answers["d"]["body"]["isRead"]) == (200, True)
    assert answers["a"]["headers"]["Content-Type"].startswith("application/json")


def test_preferences_are_those_of_the_inner_request(person: Person) -> None:
    message = person.deliver()
    request = {"id": "1", "method": "GET", "url": "/me/messages?$select=id"}
    answer = person.http.post("/$batch", json={"requests": [request]}, headers={"Prefer": IMMUTABLE})
    assert by_id(answer)["1"]["body"]["value"][0]["id"] == message["regularId"]


def test_what_is_not_json_comes_as_base64(person: Person) -> None:
    message = person.admin.deliver(person.address, raw="Subject: raw\r\n\r\nText\r\n")
    answers = by_id(
        batch(person, {"id": "1", "method": "GET", "url": f"/me/messages/{in_path(message['regularId'])}/$value"})
    )
    assert base64.b64decode(answers["1"]["body"]) == b"Subject: raw\r\n\r\nText\r\n"


@pytest.mark.parametrize(
    "requests",
    [
        [],
        [{"id": str(number), "method": "GET", "url": "/me"} for number in range(21)],
        [{"id": "a", "method": "GET", "url": "/me"}, {"id": "A", "method": "GET", "url": "/me"}],
        [{"id": "a", "method": "GET"}],
        [{"id": "a", "method": "PATCH", "url": "/me", "body": {}}],
        [{"id": "a", "method": "GET", "url": "/me", "dependsOn": ["z"]}],
        [
            {"id": "a", "method": "GET", "url": "/me"},
            {"id": "b", "method": "GET", "url": "/me", "dependsOn": ["a"]},
            {"id": "c", "method": "GET", "url": "/me"},
        ],
    ],
    ids=["empty", "too many", "same id", "no url", "body without type", "unknown dependency", "mixed dependencies"],
)
def test_a_malformed_batch_is_refused_as_a_whole(person: Person, requests: list[dict[str, Any]]) -> None:
    assert batch(person, *requests).status_code == 400


def test_a_chain_runs_in_order_and_stops_at_a_failure(person: Person) -> None:
    answers = by_id(
        batch(
            person,
            {"id": "1", "method": "GET", "url": "/me/mailFolders/inbox"},
            {"id": "2", "method": "GET", "url": "/me/mailFolders/nowhere", "dependsOn": ["1"]},
            {"id": "3", "method": "GET", "url": "/me/mailFolders/inbox", "dependsOn": ["2"]},
        )
    )
    assert [answers[name]["status"] for name in "123"] == [200, 400, 424]


def test_inner_requests_run_four_at_a_time_and_chained_ones_alone(other_person: Person) -> None:
    other_person.admin.latency(30)
    requests: list[dict[str, Any]] = [
        {"id": str(number), "method": "GET", "url": "/me/mailFolders/inbox"} for number in range(12)
    ]
    other_person.admin.reset_stats()
    assert {one["status"] for one in by_id(batch(other_person, *requests)).values()} == {200}
    assert other_person.admin.usage(other_person.address)["peakConcurrency"] == 4

    for number, request in enumerate(requests[1:]):
        request["dependsOn"] = [str(number)]
    other_person.admin.reset_stats()
    batch(other_person, *requests)
    assert other_person.admin.usage(other_person.address)["peakConcurrency"] == 1
    other_person.admin.latency(0)


def test_a_throttled_inner_request_has_a_429_of_its_own(person: Person) -> None:
    person.admin.fault("throttled", path="drafts", mailbox=person.address, retry_after_seconds=7)
    answers = by_id(
        batch(
            person,
            {"id": "1", "method": "GET", "url": "/me/mailFolders/inbox"},
            {"id": "2", "method": "GET", "url": "/me/mailFolders/drafts"},
        )
    )
    assert answers["1"]["status"] == 200
    assert answers["2"]["status"] == 429
    assert answers["2"]["headers"]["Retry-After"] == "7"
    assert answers["2"]["body"]["error"]["code"] == "TooManyRequests"
