"""Ids: two kinds, awkward letters, twins that differ in case."""

from typing import Any
from urllib.parse import quote

import pytest

from tests.simulator.people import IMMUTABLE, Person, in_path


def ids(person: Person, *, immutable: bool) -> list[str]:
    headers = {"Prefer": IMMUTABLE} if immutable else {}
    return [one["id"] for one in person.value("/me/messages?$select=id&$top=1000", **headers)]


@pytest.mark.parametrize("immutable", [True, False])
def test_some_ids_have_slashes_plus_signs_and_equal_signs_and_some_do_not(person: Person, *, immutable: bool) -> None:
    person.admin.make_synthetic(person.address, 100)
    found = ids(person, immutable=immutable)
    for mark in "/+=_":
        with_mark = sum(mark in one[58:] for one in found)  # after what names the mailbox
        assert 0 < with_mark < 100, mark


@pytest.mark.parametrize("immutable", [True, False])
def test_some_ids_differ_only_in_the_case_of_one_letter_and_both_are_found(person: Person, *, immutable: bool) -> None:
    person.admin.make_synthetic(person.address, 50)
    found = ids(person, immutable=immutable)
    lowered: dict[str, list[str]] = {}
    for one in found:
        lowered.setdefault(one.lower(), []).append(one)
    twins = [pair for pair in lowered.values() if len(pair) == 2]
    assert len(twins) == 2
    for pair in twins:
        for one in pair:
            answer = person.get(f"/me/messages/{in_path(one)}", **({"Prefer": IMMUTABLE} if immutable else {}))
            assert answer.json()["id"] == one


def slashed(person: Person) -> str:
    person.admin.make_synthetic(person.address, 10)
    return next(one for one in ids(person, immutable=False) if "/" in one)


@pytest.mark.parametrize("spelling", ["raw", "escaped"])
def test_a_slash_in_a_path_splits_the_id(person: Person, spelling: str) -> None:
    message_id = slashed(person)
    path = message_id if spelling == "raw" else quote(message_id, safe="")
    answer = person.get(f"/me/messages/{path}")
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] == "RequestBroker--ParseUri"
    assert error["message"] == f"Resource not found for the segment '{message_id.partition('/')[2]}'."


@pytest.mark.parametrize("spelling", ["translated", "escaped twice"])
def test_an_id_with_a_slash_is_found_when_it_is_translated_or_escaped_twice(person: Person, spelling: str) -> None:
    message_id = slashed(person)
    path = in_path(message_id) if spelling == "translated" else quote(quote(message_id, safe=""), safe="")
    answer = person.get(f"/me/messages/{path}")
    assert answer.status_code == 200
    assert answer.json()["id"] == message_id


@pytest.mark.parametrize("kind", ["cut", "foreign", "nonsense"])
def test_an_id_that_cannot_be_of_this_mailbox_is_malformed_and_not_missing(person: Person, kind: str) -> None:
    own = person.deliver()["regularId"]
    wrong = {"cut": own[:-5], "foreign": "AAMkA" + own[5:].swapcase(), "nonsense": "x"}[kind]
    answer = person.get(f"/me/messages/{in_path(wrong)}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "ErrorInvalidIdMalformed")


def test_a_move_changes_the_regular_id_and_keeps_the_immutable_one(person: Person) -> None:
    before = person.deliver()
    moved = person.http.post(f"/me/messages/{in_path(before['regularId'])}/move", json={"destinationId": "archive"})
    assert moved.status_code == 201
    after: dict[str, Any] = moved.json()
    assert after["id"] != before["regularId"]
    assert after["changeKey"] != before["changeKey"]
    assert after["parentFolderId"] == person.folder_id("archive")
    old = person.get(f"/me/messages/{in_path(before['regularId'])}")
    assert (old.status_code, old.json()["error"]["code"]) == (404, "ErrorItemNotFound")
    same = person.get(f"/me/messages/{in_path(before['immutableId'])}", Prefer=IMMUTABLE)
    assert same.json()["id"] == before["immutableId"]
    assert same.headers["Preference-Applied"] == 'IdType="ImmutableId"'


def test_ids_of_folders_do_not_depend_on_the_kind_asked_for(person: Person) -> None:
    plain = person.value("/me/mailFolders")
    assert plain == person.value("/me/mailFolders", Prefer=IMMUTABLE)
