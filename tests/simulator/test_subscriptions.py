"""Subscriptions: handshake, lifetimes, duplicates, and the notifications that follow a change."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.simulator.people import IMMUTABLE, Person, in_path
from tests.simulator.receiver import Receiver

NOTIFIED_SECONDS = 2.0  # the simulator aims at 50 ms; the rest is a busy machine's


def in_minutes(minutes: float) -> str:
    return (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")


def wish(receiver: Receiver, **changes: object) -> dict[str, Any]:
    document = {
        "changeType": "created,updated,deleted",
        "notificationUrl": receiver.url,
        "lifecycleNotificationUrl": f"{receiver.url}&lifecycle=1",
        "resource": "/me/messages",
        "expirationDateTime": in_minutes(60),
        "clientState": "a secret",
    }
    return {name: value for name, value in (document | changes).items() if value is not None}


def subscribe(person: Person, receiver: Receiver, **changes: object) -> httpx.Response:
    return person.http.post("/subscriptions", json=wish(receiver, **changes), headers={"Prefer": IMMUTABLE})


def subscribed(person: Person, receiver: Receiver, **changes: object) -> dict[str, Any]:
    answer = subscribe(person, receiver, **changes)
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json()
    return document


def test_a_subscription_is_made_after_a_handshake_with_both_urls(person: Person, receiver: Receiver) -> None:
    made = subscribed(person, receiver)
    assert len(receiver.handshakes) == 2
    assert all(" " in token and "+" in token for token in receiver.handshakes)
    assert made["applicationId"] == person.simulator.client_id
    assert made["creatorId"] == person.user["id"]
    assert made["resource"] == "/me/messages"
    assert made["includeResourceData"] is None
    assert made["expirationDateTime"].endswith("Z")
    assert len(made["expirationDateTime"].partition(".")[2]) == 8
    listed = person.value("/subscriptions")
    assert [(one["id"], one["clientState"]) for one in listed] == [(made["id"], None)]
    assert person.get(f"/subscriptions/{made['id']}").json() == made


@pytest.mark.parametrize(
    ("answer", "code", "text"),
    [
        ((403, "text/plain", "no"), "ValidationError", "must respond with 200 OK"),
        ((200, "text/plain", "something else"), "InvalidRequest", "must exactly match"),
        ((200, "text/html", None), "InvalidRequest", "must exactly match"),
    ],
)
def test_a_handshake_that_fails_makes_no_subscription(
    person: Person, receiver: Receiver, answer: tuple[int, str, str | None], code: str, text: str
) -> None:
    status, content_type, body = answer
    receiver.echo = lambda token: (status, content_type, token if body is None else body)
    refused = subscribe(person, receiver)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, code)
    assert text in refused.json()["error"]["message"]
    assert person.value("/subscriptions") == []


def test_a_lifetime_above_the_maximum_is_refused_and_one_below_45_minutes_is_raised(
    person: Person, receiver: Receiver
) -> None:
    too_long = subscribe(person, receiver, expirationDateTime=in_minutes(10_080))
    assert too_long.status_code == 400
    assert too_long.json()["error"]["message"] == "Subscription expiration can only be 10070 minutes in the future."
    assert subscribe(person, receiver, expirationDateTime=in_minutes(-1)).status_code == 400
    made = subscribed(person, receiver, expirationDateTime=in_minutes(1))
    lives = datetime.fromisoformat(made["expirationDateTime"][:26] + "+00:00") - datetime.now(UTC)
    assert timedelta(minutes=44) < lives < timedelta(minutes=46)
    longest = person.http.patch(f"/subscriptions/{made['id']}", json={"expirationDateTime": in_minutes(10_069)})
    assert longest.status_code == 200


def test_the_same_combination_again_is_a_conflict_that_names_the_first(person: Person, receiver: Receiver) -> None:
    made = subscribed(person, receiver)
    again = subscribe(person, receiver, changeType="deleted,updated,created", resource="me/messages")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "ObjectIdentifierInUse")
    assert made["id"] in again.json()["error"]["message"]
    subscribed(person, receiver, changeType="created")


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"notificationUrl": "http://contoso.example/hook"}, 400),
        ({"notificationUrl": "nonsense"}, 400),
        ({"changeType": "moved"}, 400),
        ({"clientState": "x" * 129}, 400),
        ({"expirationDateTime": "soon"}, 400),
        ({"resource": "/users/11111111-2222-3333-4444-555555555555/messages"}, 403),
        ({"resource": "/me/events"}, 501),
        ({"resource": "/me/messages?$filter=isDraft eq false"}, 501),
        ({"includeResourceData": True}, 400),
    ],
)
def test_a_wrong_wish_is_refused(person: Person, receiver: Receiver, changes: dict[str, Any], status: int) -> None:
    assert subscribe(person, receiver, **changes).status_code == status


def test_a_subscription_is_renewed_reauthorized_and_deleted(person: Person, receiver: Receiver) -> None:
    path = f"/subscriptions/{subscribed(person, receiver)['id']}"
    renewed = person.http.patch(path, json={"expirationDateTime": in_minutes(120)})
    assert renewed.status_code == 200
    assert person.http.post(f"{path}/reauthorize").status_code == 204
    assert person.get(path).json()["expirationDateTime"] == renewed.json()["expirationDateTime"]
    assert person.http.delete(path).status_code == 204
    gone = person.get(path)
    assert (gone.status_code, gone.json()["error"]["code"]) == (404, "ResourceNotFound")


def test_an_expired_subscription_is_not_found_and_silent(person: Person, receiver: Receiver) -> None:
    made = subscribed(person, receiver)
    person.admin.expire_subscription(made["id"])
    assert (
        person.http.patch(f"/subscriptions/{made['id']}", json={"expirationDateTime": in_minutes(60)}).status_code
        == 404
    )
    person.deliver()
    subscribed(person, receiver)
    person.deliver(subject="heard")
    assert len(receiver.wait(1)) == 1


def test_an_arrival_is_notified_promptly_with_what_a_client_needs(person: Person, receiver: Receiver) -> None:
    made = subscribed(person, receiver)
    started = time.perf_counter()
    message = person.deliver()
    item = receiver.wait(1)[0]
    assert time.perf_counter() - started < NOTIFIED_SECONDS
    assert item["subscriptionId"] == made["id"]
    assert item["clientState"] == "a secret"
    assert item["changeType"] == "created"
    assert item["tenantId"] == person.user["tenant"]
    assert item["resourceData"] == {
        "@odata.type": "#Microsoft.Graph.Message",
        "@odata.id": item["resource"],
        "@odata.etag": f'W/"{message["changeKey"]}"',
        "id": message["immutableId"],
    }


def test_each_change_is_notified_and_a_move_is_a_deletion_and_a_creation(person: Person, receiver: Receiver) -> None:
    subscribed(person, receiver)
    message = person.deliver()
    person.admin.update(person.address, message["immutableId"], isRead=True)
    person.admin.move(person.address, message["immutableId"], "archive")
    person.admin.delete(person.address, message["immutableId"], permanent=True)
    items = receiver.wait(5)
    assert [item["changeType"] for item in items] == ["created", "updated", "deleted", "created", "deleted"]
    assert {item["resourceData"]["id"] for item in items} == {message["immutableId"]}


def test_without_the_preference_a_subscription_tells_regular_ids(person: Person, receiver: Receiver) -> None:
    assert person.http.post("/subscriptions", json=wish(receiver)).status_code == 201
    message = person.deliver()
    moved = person.http.post(f"/me/messages/{in_path(message['regularId'])}/move", json={"destinationId": "archive"})
    ids = [item["resourceData"]["id"] for item in receiver.wait(3)]
    assert ids == [message["regularId"], message["regularId"], moved.json()["id"]]


def test_a_folder_s_subscription_tells_of_that_folder_only(person: Person, receiver: Receiver) -> None:
    subscribed(person, receiver, resource="/me/mailFolders('archive')/messages", changeType="created,deleted")
    message = person.deliver()
    person.admin.move(person.address, message["immutableId"], "archive")
    person.admin.move(person.address, message["immutableId"], "inbox")
    assert [item["changeType"] for item in receiver.wait(2)] == ["created", "deleted"]


def test_notifications_come_in_batches_and_in_every_style(person: Person, receiver: Receiver) -> None:
    subscribed(person, receiver)
    person.admin.make_synthetic(person.address, 12)
    items = receiver.wait(12)
    assert len(receiver.posts) < 12
    shapes = {item["resource"].replace(item["resourceData"]["id"], "ID") for item in items}
    user, tenant = person.user["id"], person.user["tenant"]
    assert shapes == {
        f"Users/{user}/Messages/ID",
        f"users/{user}@{tenant}/messages/ID",
        f"Users('{user}')/messages('ID')",
    }
    dates = {item["subscriptionExpirationDateTime"][-6:] for item in items}
    assert "+05:30" in dates
    assert any(date.endswith("Z") for date in dates)
    assert {"id" in item for item in items} == {True, False}


def test_a_notification_that_is_refused_is_sent_again_after_ever_longer_waits(
    other_person: Person, receiver: Receiver
) -> None:
    subscribed(other_person, receiver)
    other_person.admin.delivery(retry_seconds=0.2)
    receiver.answers += [500, 503]
    started = time.perf_counter()
    message = other_person.deliver()
    assert receiver.wait(1)[0]["resourceData"]["id"] == message["immutableId"]
    assert time.perf_counter() - started > 0.2 + 0.4
    other_person.admin.reset_delivery()


@pytest.mark.parametrize("event", ["missed", "reauthorizationRequired", "subscriptionRemoved"])
def test_lifecycle_events_come_on_demand(person: Person, receiver: Receiver, event: str) -> None:
    made = subscribed(person, receiver)
    person.admin.lifecycle(made["id"], event)
    item = receiver.wait(1)[0]
    assert set(item) == {
        "subscriptionId",
        "subscriptionExpirationDateTime",
        "tenantId",
        "clientState",
        "lifecycleEvent",
    }
    assert (item["lifecycleEvent"], item["clientState"]) == (event, "a secret")
    assert person.get(f"/subscriptions/{made['id']}").status_code == (404 if event == "subscriptionRemoved" else 200)


def test_notifications_are_dropped_doubled_held_back_and_echoed_on_demand(
    other_person: Person, receiver: Receiver
) -> None:
    admin = other_person.admin
    subscribed(other_person, receiver)
    admin.delivery(drop_next=1, is_drop_announced=True)
    other_person.deliver(subject="dropped")
    assert receiver.wait(1)[0]["lifecycleEvent"] == "missed"

    admin.delivery(duplicate_share=1)
    other_person.deliver(subject="doubled")
    items = receiver.wait(3)
    assert items[1] == items[2]

    admin.delivery(duplicate_share=0, extra_updates=1, is_paused=True)
    other_person.deliver(subject="echoed")
    assert admin.stats()["notifications"]["waiting_items"] == 2
    admin.delivery(is_paused=False)
    assert [item["changeType"] for item in receiver.wait(5)[3:]] == ["created", "updated"]
    admin.reset_delivery()


def test_notifications_are_reordered_on_demand(other_person: Person, receiver: Receiver) -> None:
    subscribed(other_person, receiver)
    other_person.admin.delivery(is_reordered=True, is_paused=True, seed=1)
    made = [other_person.deliver(subject=str(number))["immutableId"] for number in range(10)]
    other_person.admin.delivery(is_paused=False)
    heard = [item["resourceData"]["id"] for item in receiver.wait(10)]
    assert sorted(heard) == sorted(made)
    assert heard != made
    other_person.admin.reset_delivery()


def test_a_delivery_can_be_late(other_person: Person, receiver: Receiver) -> None:
    subscribed(other_person, receiver)
    other_person.admin.delivery(delay_milliseconds=400)
    started = time.perf_counter()
    other_person.deliver()
    receiver.wait(1)
    assert time.perf_counter() - started > 0.4
    other_person.admin.reset_delivery()
