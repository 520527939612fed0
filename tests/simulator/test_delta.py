"""Delta of a folder: rounds, links, what changes meanwhile, and how it fails."""

import random
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.simulator.delta_client import Mirror
from tests.simulator.people import IMMUTABLE, Person

FILTER_CAP = 5000


def test_a_first_round_tells_every_message_once_newest_first_ten_a_page(person: Person) -> None:
    person.admin.make_synthetic(person.address, 25)
    mirror = Mirror(person, query="?$select=receivedDateTime")
    items = mirror.round()
    assert [len(page["value"]) for page in mirror.pages] == [10, 10, 5]
    assert len({item["id"] for item in items}) == 25
    dates = [item["receivedDateTime"] for item in items]
    assert dates == sorted(dates, reverse=True)
    assert set(items[0]) == {"@odata.type", "@odata.etag", "id", "receivedDateTime"}
    assert items[0]["@odata.type"] == "#microsoft.graph.message"
    assert mirror.pages[0]["@odata.context"].endswith("$metadata#Collection(message)")
    assert "$skiptoken" in parse_qs(urlsplit(mirror.pages[0]["@odata.nextLink"]).query)
    assert "$deltatoken" in parse_qs(urlsplit(mirror.link or "").query)


def test_the_page_size_is_the_preferred_one_and_is_echoed(person: Person) -> None:
    person.admin.make_synthetic(person.address, 25)
    answer = person.get("/me/mailFolders/inbox/messages/delta", Prefer=f"{IMMUTABLE}, odata.maxpagesize=20")
    assert len(answer.json()["value"]) == 20
    assert "odata.maxpagesize=20" in answer.headers["Preference-Applied"]
    assert len(person.get(answer.json()["@odata.nextLink"]).json()["value"]) == 5


def test_a_round_without_changes_is_empty_and_its_link_is_good_for_another(person: Person) -> None:
    mirror = Mirror(person)
    assert mirror.round() == []
    assert mirror.round() == []
    person.deliver()
    assert len(mirror.round()) == 1


def test_later_rounds_tell_new_changed_and_removed_messages(person: Person) -> None:
    kept, changed, deleted, moved = (person.deliver(subject=str(number)) for number in range(4))
    mirror = Mirror(person)
    mirror.round()
    person.admin.update(person.address, changed["immutableId"], isRead=True)
    person.admin.delete(person.address, deleted["immutableId"], permanent=True)
    person.admin.move(person.address, moved["immutableId"], "archive")
    new = person.deliver(subject="new")
    items = mirror.round()
    assert {item["id"] for item in items} == {one["immutableId"] for one in (changed, deleted, moved, new)}
    removed = [item for item in items if "@removed" in item]
    assert removed == [
        {"@odata.type": "#microsoft.graph.message", "id": one["immutableId"], "@removed": {"reason": "deleted"}}
        for one in (deleted, moved)
    ]
    assert set(mirror.messages) == {one["immutableId"] for one in (kept, changed, new)}
    assert mirror.messages[changed["immutableId"]]["isRead"] is True


def test_a_move_shows_in_both_folders_with_the_same_immutable_id(person: Person) -> None:
    message = person.deliver()
    inbox, archive = Mirror(person), Mirror(person, folder="archive")
    inbox.round()
    archive.round()
    person.admin.move(person.address, message["immutableId"], "archive")
    assert [("@removed" in item, item["id"]) for item in inbox.round()] == [(True, message["immutableId"])]
    assert [("@removed" in item, item["id"]) for item in archive.round()] == [(False, message["immutableId"])]


def test_with_regular_ids_a_message_that_comes_back_is_another_one(person: Person) -> None:
    message = person.deliver()
    mirror = Mirror(person, immutable=False)
    mirror.round()
    person.admin.move(person.address, message["immutableId"], "archive")
    back = person.admin.move(person.address, message["immutableId"], "inbox")
    items = mirror.round()
    assert [("@removed" in item, item["id"]) for item in items] == [
        (True, message["regularId"]),
        (False, back["regularId"]),
    ]


def test_changes_can_come_without_the_properties_asked_for(person: Person) -> None:
    messages = [person.deliver(subject=f"Number {number}") for number in range(4)]
    mirror = Mirror(person)
    mirror.round()
    person.admin.delta(person.address, partial_every=2)
    for message in messages:
        person.admin.update(person.address, message["immutableId"], isRead=True)
    items = mirror.round()
    assert [item["id"] for item in items] == [message["immutableId"] for message in messages]
    assert ["subject" in item for item in items] == [False, True, False, True]
    person.admin.delta(person.address, partial_every=0)


@pytest.mark.parametrize("immutable", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_during_and_between_rounds_the_mirror_converges(
    person: Person, seed: int, *, immutable: bool
) -> None:
    dice = random.Random(seed)  # noqa: S311 - a reproducible story
    admin, address = person.admin, person.address
    admin.make_synthetic(address, 30, seed=seed, folders=["inbox", "archive"])
    admin.delta(address, empty_every=2, repeat_every=3, replay_changes=dice.choice([0, 3]))
    mirrors = [Mirror(person, folder, immutable=immutable, page_size=4) for folder in ("inbox", "archive")]

    def happen() -> None:
        everything = admin.messages(address)
        message_id = dice.choice(everything)["immutableId"]
        match dice.randrange(4):
            case 0:
                admin.deliver(address, {"subject": f"new {dice.random()}"}, folder=dice.choice(["inbox", "archive"]))
            case 1:
                admin.move(address, message_id, dice.choice(["inbox", "archive", "junkemail"]))
            case 2:
                admin.update(address, message_id, isRead=dice.random() < 0.5, subject=f"changed {dice.random()}")
            case _:
                admin.delete(address, message_id, permanent=dice.random() < 0.5)

    for _ in range(3):
        for mirror in mirrors:
            url: str | None = mirror.start()
            while url:
                happen()
                url = mirror.step(url)
    for mirror in mirrors:
        mirror.round()
        path = f"/me/mailFolders/{mirror.folder}/messages?$top=1000&$select=subject,isRead"
        served = person.value(path, **({"Prefer": IMMUTABLE} if immutable else {}))
        told = {key: {"subject": one["subject"], "isRead": one["isRead"]} for key, one in mirror.messages.items()}
        assert told == {one["id"]: {"subject": one["subject"], "isRead": one["isRead"]} for one in served}


def test_the_options_of_the_first_call_hold_for_all_rounds(person: Person) -> None:
    old = person.deliver(receivedDateTime="2025-01-01T00:00:00Z")
    query = "?$select=subject&$filter=receivedDateTime ge 2026-01-01T00:00:00Z&$orderby=receivedDateTime desc"
    mirror = Mirror(person, query=query)
    assert mirror.round() == []
    person.admin.update(person.address, old["immutableId"], isRead=True)
    new = person.deliver(receivedDateTime="2026-02-01T00:00:00Z")
    items = mirror.round()
    assert [item["id"] for item in items] == [new["immutableId"]]
    assert set(items[0]) == {"@odata.type", "@odata.etag", "id", "subject"}


def test_change_types_can_be_chosen(person: Person) -> None:
    message = person.deliver()
    mirrors = {kind: Mirror(person, query=f"?changeType={kind}") for kind in ("created", "updated", "deleted")}
    assert {kind: len(mirror.round()) for kind, mirror in mirrors.items()} == {"created": 1, "updated": 0, "deleted": 0}
    person.admin.update(person.address, message["immutableId"], isRead=True)
    assert {kind: len(mirror.round()) for kind, mirror in mirrors.items()} == {"created": 0, "updated": 1, "deleted": 0}
    person.admin.delete(person.address, message["immutableId"])
    assert {kind: len(mirror.round()) for kind, mirror in mirrors.items()} == {"created": 0, "updated": 0, "deleted": 1}


def test_top_ends_the_round_early(person: Person) -> None:
    person.admin.make_synthetic(person.address, 20)
    mirror = Mirror(person, query="?$top=12")
    assert len(mirror.round()) == 12
    assert mirror.round() == []


def test_a_filter_ends_the_round_silently_after_five_thousand(person: Person) -> None:
    person.admin.make_synthetic(person.address, FILTER_CAP + 10, body_bytes=10)
    query = "?$select=id&$filter=receivedDateTime ge 2000-01-01T00:00:00Z"
    assert len(Mirror(person, query=query, page_size=1000).round()) == FILTER_CAP


@pytest.mark.parametrize(
    "query",
    [
        "$filter=receivedDateTime le 2026-01-01T00:00:00Z",
        "$filter=isRead eq true",
        "$orderby=subject",
        "changeType=moved",
    ],
)
def test_other_options_are_refused(person: Person, query: str) -> None:
    answer = person.get(f"/me/mailFolders/inbox/messages/delta?{query}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "ErrorInvalidUrlQuery")


@pytest.mark.parametrize("token", ["x", "AAAA", "latest", None])
def test_a_token_that_is_not_ours_is_badly_formed(person: Person, token: str | None) -> None:
    mirror = Mirror(person)
    mirror.round()
    own = parse_qs(urlsplit(mirror.link or "").query)["$deltatoken"][0]
    wrong = token or own[:-2] + ("AA" if not own.endswith("AA") else "BB")
    answer = person.get(f"/me/mailFolders/inbox/messages/delta?$deltatoken={wrong}")
    assert answer.status_code == 400
    assert "Badly formed token" in answer.json()["error"]["message"]
    assert person.get(f"/me/mailFolders/archive/messages/delta?$deltatoken={own}").status_code == 400


@pytest.mark.parametrize("link", ["next", "delta"])
def test_an_expired_sync_state_is_gone_at_any_link_and_a_fresh_start_works(person: Person, link: str) -> None:
    person.admin.make_synthetic(person.address, 15)
    mirror = Mirror(person)
    url = mirror.step(mirror.start()) if link == "next" else None
    if url is None:
        mirror.round()
        url = mirror.link or ""
    person.admin.expire_sync_state(person.address, "inbox", code="syncStateInvalid")
    answer = mirror.page(url)
    assert answer.status_code == 410
    error: dict[str, Any] = answer.json()["error"]
    assert error["code"] == "syncStateInvalid"
    assert error["message"].startswith("The sync state generation is not found; generation=")
    location = answer.headers["Location"]
    assert location.endswith("$deltatoken=")
    fresh = Mirror(person, link=location)
    assert len(fresh.round()) == 15
    archive = Mirror(person, folder="archive")
    archive.round()
    assert archive.round() == []


def test_the_delta_of_a_deleted_folder_is_not_found(person: Person) -> None:
    folder = person.admin.create_folder(person.address, "Short-lived")
    mirror = Mirror(person, folder["id"])
    mirror.round()
    person.admin.delete_folder(person.address, folder["id"], permanent=True)
    answer = mirror.page(mirror.start())
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "ErrorItemNotFound")


def test_empty_pages_with_a_next_link_come_on_demand(person: Person) -> None:
    person.admin.make_synthetic(person.address, 25)
    person.admin.delta(person.address, empty_every=1)
    mirror = Mirror(person)
    mirror.round()
    assert [len(page["value"]) for page in mirror.pages] == [0, 10, 0, 10, 0, 5]


def test_changes_show_late_on_demand_and_are_not_lost(person: Person) -> None:
    mirror = Mirror(person)
    mirror.round()
    person.admin.delta(person.address, late_seconds=3600)
    message = person.deliver()
    assert mirror.round() == []
    person.admin.delta(person.address, late_seconds=0)
    assert [item["id"] for item in mirror.round()] == [message["immutableId"]]


def test_with_immutable_ids_a_message_that_came_back_is_missed_on_demand(person: Person) -> None:
    message = person.deliver(isRead=False)
    immutable, regular = Mirror(person), Mirror(person, immutable=False)
    immutable.round()
    regular.round()
    person.admin.delta(person.address, miss_returned=True)
    person.admin.move(person.address, message["immutableId"], "archive")
    person.admin.update(person.address, message["immutableId"], isRead=True)
    person.admin.move(person.address, message["immutableId"], "inbox")
    assert immutable.round() == []
    assert len(regular.round()) == 2


def test_the_kind_of_id_may_change_between_rounds(person: Person) -> None:
    message = person.deliver()
    mirror = Mirror(person, immutable=False)
    mirror.round()
    mirror.immutable = True
    person.admin.update(person.address, message["immutableId"], isRead=True)
    assert [item["id"] for item in mirror.round()] == [message["immutableId"]]
