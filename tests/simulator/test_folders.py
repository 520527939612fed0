"""Folders: the tree, hidden and search folders, names, counts, and the delta of the tree."""

from typing import Any

import pytest

from tests.simulator.people import Person


def test_the_list_holds_only_the_root_s_children_that_are_not_hidden(person: Person) -> None:
    person.admin.create_folder(person.address, "Nested", "inbox")
    names = [one["displayName"] for one in person.value("/me/mailFolders?$top=100")]
    assert names == [
        "Archive",
        "Conversation History",
        "Deleted Items",
        "Drafts",
        "Inbox",
        "Junk Email",
        "Outbox",
        "Sent Items",
        "Weekly digests",
    ]
    hidden = person.value("/me/mailFolders?$top=100&includeHiddenFolders=true")
    assert {one["displayName"] for one in hidden if one["isHidden"]} == {"Clutter", "Scheduled", "Sync Issues"}


def test_a_folder_has_the_service_s_properties(person: Person) -> None:
    inbox = person.get("/me/mailFolders/inbox").json()
    assert set(inbox) == {
        "@odata.context",
        "id",
        "displayName",
        "parentFolderId",
        "childFolderCount",
        "unreadItemCount",
        "totalItemCount",
        "isHidden",
    }
    assert inbox["parentFolderId"] == person.folder_id("msgfolderroot")


def test_lists_of_folders_come_in_pages_of_ten(person: Person) -> None:
    for number in range(12):
        person.admin.create_folder(person.address, f"Folder {number:02}", "inbox")
    first = person.get("/me/mailFolders/inbox/childFolders").json()
    assert len(first["value"]) == 10
    second = person.get(first["@odata.nextLink"]).json()
    assert [one["displayName"] for one in second["value"]] == ["Folder 10", "Folder 11"]
    assert "@odata.nextLink" not in second


def test_a_search_folder_is_listed_with_its_type_and_filter(person: Person) -> None:
    person.deliver(subject="The weekly digest of today")
    found = next(one for one in person.value("/me/mailFolders?$top=100") if "@odata.type" in one)
    assert found["@odata.type"] == "#microsoft.graph.mailSearchFolder"
    assert found["filterQuery"] == "contains(subject, 'weekly digest')"
    assert found["totalItemCount"] == 1
    assert person.value(f"/me/mailFolders/{found['id']}/messages")[0]["parentFolderId"] == person.folder_id("inbox")


@pytest.mark.parametrize(
    "path", ["mailFolders/INBOX", "mailfolders('inbox')", "mailFolders/{id}", "mailFolders('{id}')"]
)
def test_a_folder_is_found_by_id_and_by_well_known_name_in_both_spellings(person: Person, path: str) -> None:
    inbox = person.folder_id("inbox")
    assert person.get(f"/me/{path.format(id=inbox)}").json()["id"] == inbox


def test_counts_follow_what_happens_in_a_folder(person: Person) -> None:
    first, second = person.deliver(), person.deliver()

    def counts() -> tuple[int, int]:
        inbox = person.get("/me/mailFolders/inbox").json()
        return inbox["totalItemCount"], inbox["unreadItemCount"]

    assert counts() == (2, 2)
    person.admin.update(person.address, first["immutableId"], isRead=True)
    assert counts() == (2, 1)
    person.admin.move(person.address, second["immutableId"], "archive")
    assert counts() == (1, 0)
    person.admin.delete(person.address, first["immutableId"], permanent=True)
    assert counts() == (0, 0)


def test_a_second_folder_of_a_name_is_refused(person: Person) -> None:
    made = person.http.post("/me/mailFolders", json={"displayName": "Projects"})
    assert made.status_code == 201
    again = person.http.post("/me/mailFolders", json={"displayName": "projects"})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "ErrorFolderExists")


def test_a_renamed_or_moved_folder_keeps_its_id_and_its_messages(person: Person) -> None:
    folder = person.admin.create_folder(person.address, "Before")
    message = person.deliver(folder=folder["id"])
    renamed = person.http.patch(f"/me/mailFolders/{folder['id']}", json={"displayName": "After/wards"})
    assert renamed.json()["displayName"] == "After/wards"
    moved = person.http.post(f"/me/mailFolders/{folder['id']}/move", json={"destinationId": "inbox"})
    assert moved.json()["parentFolderId"] == person.folder_id("inbox")
    assert person.value(f"/me/mailFolders/{folder['id']}/messages")[0]["id"] == message["regularId"]


def test_a_deleted_folder_goes_to_deleted_items_and_then_for_good(person: Person) -> None:
    folder = person.admin.create_folder(person.address, "Old")
    person.deliver(folder=folder["id"])
    path = f"/me/mailFolders/{folder['id']}"
    assert person.http.delete(path).status_code == 204
    assert person.get(path).json()["parentFolderId"] == person.folder_id("deleteditems")
    assert person.http.delete(path).status_code == 204
    assert (person.get(path).status_code, person.value("/me/messages")) == (404, [])


def tree_round(person: Person, url: str) -> tuple[list[dict[str, Any]], str]:
    items: list[dict[str, Any]] = []
    while True:
        page = person.get(url).json()
        items += page["value"]
        assert ("@odata.nextLink" in page) != ("@odata.deltaLink" in page)
        if "@odata.deltaLink" in page:
            return items, page["@odata.deltaLink"]
        url = page["@odata.nextLink"]


def test_the_tree_s_delta_tells_new_renamed_and_removed_folders_and_counts(person: Person) -> None:
    nested = person.admin.create_folder(person.address, "Nested", "inbox")
    everything, link = tree_round(person, "/me/mailFolders/delta")
    assert {"Inbox", "Nested", "Archive"} <= {one["displayName"] for one in everything}
    assert tree_round(person, link)[0] == []

    person.admin.change_folder(person.address, nested["id"], name="Renamed")
    person.deliver()
    changed, link = tree_round(person, link)
    assert {one["displayName"]: one["totalItemCount"] for one in changed} == {"Renamed": 0, "Inbox": 1}

    person.admin.delete_folder(person.address, nested["id"], permanent=True)
    changed, _ = tree_round(person, link)
    assert {
        "@odata.type": "#microsoft.graph.mailFolder",
        "@removed": {"reason": "deleted"},
        "id": nested["id"],
    } in changed
