"""Messages: their properties, bodies, lists and windows, attachments, changes."""

import base64
from typing import Any

import pytest

from dev.graph_simulator.fixture import RunningSimulator
from tests.simulator.people import IMMUTABLE, Person, in_path

DEFAULT_PROPERTIES = {
    "@odata.etag",
    "id",
    "createdDateTime",
    "lastModifiedDateTime",
    "changeKey",
    "categories",
    "receivedDateTime",
    "sentDateTime",
    "hasAttachments",
    "internetMessageId",
    "subject",
    "bodyPreview",
    "importance",
    "parentFolderId",
    "conversationId",
    "conversationIndex",
    "isDeliveryReceiptRequested",
    "isReadReceiptRequested",
    "isRead",
    "isDraft",
    "webLink",
    "inferenceClassification",
    "body",
    "sender",
    "from",
    "toRecipients",
    "ccRecipients",
    "bccRecipients",
    "replyTo",
    "flag",
}
MIME = """\
From: =?utf-8?q?J=C3=BCrgen?= <juergen@fabrikam.example>
To: demo@contoso.example, Second <second@contoso.example>
Subject: =?utf-8?b?R3LDvMOfZQ==?=
Message-ID: <one@fabrikam.example>
Date: Tue, 03 Mar 2026 10:00:00 +0100
X-Folded: first
  second
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

Plain <text> & more
"""


def one(person: Person, message: dict[str, Any], query: str = "", **headers: str) -> dict[str, Any]:
    answer = person.get(f"/me/messages/{in_path(message['regularId'])}{query}", **headers)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


def test_a_message_has_the_service_s_default_properties(person: Person) -> None:
    message = one(person, person.deliver())
    assert set(message) == {"@odata.context", *DEFAULT_PROPERTIES}
    assert message["@odata.etag"] == f'W/"{message["changeKey"]}"'
    assert message["@odata.context"].endswith(f"$metadata#users('{person.user['id']}')/messages/$entity")
    assert message["parentFolderId"] == person.folder_id("inbox")
    assert message["flag"] == {"flagStatus": "notFlagged"}


def test_select_gives_what_is_selected_with_id_and_etag(person: Person) -> None:
    message = one(person, person.deliver(), "?$select=subject,isread")
    assert set(message) == {"@odata.context", "@odata.etag", "id", "subject", "isRead"}


def test_an_unknown_property_is_refused(person: Person) -> None:
    answer = person.get("/me/messages?$select=subjekt")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "RequestBroker--ParseUri")


def test_mime_becomes_a_message_with_decoded_headers_and_both_bodies(person: Person) -> None:
    delivered = person.admin.deliver(person.address, raw=MIME)
    message = one(person, delivered)
    assert message["subject"] == "Grüße"
    assert message["from"] == {"emailAddress": {"name": "Jürgen", "address": "juergen@fabrikam.example"}}
    assert [to["emailAddress"]["address"] for to in message["toRecipients"]] == [
        "demo@contoso.example",
        "second@contoso.example",
    ]
    assert message["sentDateTime"] == "2026-03-03T09:00:00Z"
    assert message["internetMessageId"] == "<one@fabrikam.example>"
    assert message["body"]["contentType"] == "html"
    assert "Plain &lt;text&gt; &amp; more" in message["body"]["content"]
    assert message["bodyPreview"] == "Plain <text> & more"


def test_a_text_body_is_given_on_request_and_the_answer_says_so(person: Person) -> None:
    delivered = person.deliver(body={"contentType": "html", "content": "<p>First</p><p>Second &amp; third</p>"})
    prefer = f'{IMMUTABLE}, outlook.body-content-type="text"'
    answer = person.get(f"/me/messages/{in_path(delivered['immutableId'])}", Prefer=prefer)
    assert answer.json()["body"] == {"contentType": "text", "content": "First\r\nSecond & third\r\n"}
    assert answer.json()["id"] == delivered["immutableId"]
    assert 'outlook.body-content-type="text"' in answer.headers["Preference-Applied"]


def test_scripts_are_left_out_unless_unsafe_html_is_asked_for(person: Person) -> None:
    body = '<p onclick="run()">Safe</p><script>alert(1)</script>'
    delivered = person.deliver(body={"contentType": "html", "content": body})
    safe = one(person, delivered)["body"]["content"]
    assert "script" not in safe
    assert "onclick" not in safe
    assert "Safe" in safe
    assert body in one(person, delivered, Prefer="outlook.allow-unsafe-html")["body"]["content"]


def test_headers_and_unique_body_come_only_when_selected(person: Person) -> None:
    delivered = person.admin.deliver(person.address, raw=MIME)
    message = one(person, delivered, "?$select=internetMessageHeaders,uniqueBody")
    headers = message["internetMessageHeaders"]
    assert [header["name"] for header in headers][:3] == ["From", "To", "Subject"]
    assert {"name": "X-Folded", "value": "first  second"} in headers
    assert "Plain" in message["uniqueBody"]["content"]


def test_the_source_of_a_message_is_its_mime(person: Person) -> None:
    delivered = person.admin.deliver(person.address, raw=MIME)
    answer = person.get(f"/me/messages/{in_path(delivered['regularId'])}/$value")
    assert answer.headers["Content-Type"] == "text/plain"
    assert answer.text == MIME


def test_lists_come_newest_first_in_pages_of_ten_with_links_that_keep_the_query(person: Person) -> None:
    person.admin.make_synthetic(person.address, 25)
    page = person.get("/me/mailFolders/inbox/messages?$select=receivedDateTime&$count=true").json()
    assert page["@odata.count"] == 25
    found = [message["receivedDateTime"] for message in page["value"]]
    while link := page.get("@odata.nextLink"):
        assert "$skip=" in link
        page = person.get(link).json()
        assert set(page["value"][0]) == {"@odata.etag", "id", "receivedDateTime"}
        found += [message["receivedDateTime"] for message in page["value"]]
    assert len(found) == 25
    assert found == sorted(found, reverse=True)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        ("ge 2026-01-02", "lt 2026-01-04", [3, 2]),
        ("gt 2026-01-02", "le 2026-01-04", [4, 3]),
        ("ge 2026-01-03", "le 2026-01-03", [3]),
    ],
)
def test_a_window_of_dates_received_has_exact_edges(person: Person, low: str, high: str, expected: list[int]) -> None:
    for day in range(1, 6):
        person.deliver(subject=str(day), receivedDateTime=f"2026-01-0{day}T00:00:00Z")
    window = f"receivedDateTime {low}T00:00:00Z and receivedDateTime {high}T00:00:00Z"
    parameters = {"$filter": window, "$orderby": "receivedDateTime desc", "$select": "subject"}
    answer = person.http.get("/me/mailFolders/inbox/messages", params=parameters)
    assert [int(message["subject"]) for message in answer.json()["value"]] == expected


def test_an_edge_within_a_second_lies_between_whole_seconds(person: Person) -> None:
    person.deliver(receivedDateTime="2026-01-01T00:00:00Z")
    for term, count in (
        ("ge 2026-01-01T00:00:00.5Z", 0),
        ("lt 2026-01-01T00:00:00.5Z", 1),
        ("ge 2025-12-31T23:00:00-01:00", 1),
    ):
        answer = person.http.get("/me/messages", params={"$filter": f"receivedDateTime {term}"})
        assert len(answer.json()["value"]) == count, term


def test_read_state_and_message_id_can_be_filtered(person: Person) -> None:
    person.deliver(subject="read", isRead=True, internetMessageId="<it's@contoso.example>")
    person.deliver(subject="unread")
    for term, expected in (
        ("isRead eq false", "unread"),
        ("internetMessageId eq '<it''s@contoso.example>'", "read"),
        ("receivedDateTime ge 2020-01-01T00:00:00Z and (isRead eq true)", "read"),
    ):
        answer = person.http.get("/me/messages", params={"$filter": term})
        assert [message["subject"] for message in answer.json()["value"]] == [expected], term


def test_an_order_that_the_filter_does_not_start_with_is_too_complex(person: Person) -> None:
    parameters = {"$filter": "isRead eq false", "$orderby": "receivedDateTime desc"}
    answer = person.http.get("/me/messages", params=parameters)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InefficientFilter")


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"$search": '"x"'}, "'$search'"),
        ({"$filter": "contains(subject,'x')"}, "contains"),
        ({"$filter": "isRead eq true or isDraft eq true"}, "or"),
        ({"$orderby": "subject"}, "'subject'"),
        ({"$expand": "extensions"}, "'extensions'"),
    ],
)
def test_a_query_that_is_not_covered_is_answered_with_501_and_named(
    person: Person, parameters: dict[str, str], named: str
) -> None:
    answer = person.http.get("/me/messages", params=parameters)
    assert answer.status_code == 501
    assert named in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "parameters", [{"$top": "0"}, {"$top": "1001"}, {"$skip": "-1"}, {"$filter": "receivedDateTime ge x"}]
)
def test_a_wrong_value_is_refused(person: Person, parameters: dict[str, str]) -> None:
    answer = person.http.get("/me/messages", params=parameters)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "ErrorInvalidUrlQuery")


def test_messages_outside_the_folder_tree_are_not_listed(person: Person) -> None:
    message = person.deliver()
    assert person.http.delete(f"/me/messages/{in_path(message['regularId'])}").status_code == 204
    trash = person.value("/me/messages")[0]
    assert trash["parentFolderId"] == person.folder_id("deleteditems")
    assert person.http.delete(f"/me/messages/{in_path(trash['id'])}").status_code == 204
    assert person.value("/me/messages") == []
    assert len(person.value("/me/mailFolders/recoverableitemsdeletions/messages")) == 1


def test_a_change_gives_a_new_change_key_and_keeps_the_id(person: Person) -> None:
    message = person.deliver()
    path = f"/me/messages/{in_path(message['regularId'])}"
    changed = person.http.patch(path, json={"isRead": True, "flag": {"flagStatus": "flagged"}, "categories": ["Red"]})
    document = changed.json()
    assert (changed.status_code, document["isRead"], document["categories"]) == (200, True, ["Red"])
    assert document["flag"]["flagStatus"] == "flagged"
    assert document["id"] == message["regularId"]
    assert document["changeKey"] != message["changeKey"]
    stale = person.http.patch(path, json={"isRead": False}, headers={"If-Match": f'W/"{message["changeKey"]}"'})
    assert (stale.status_code, stale.json()["error"]["code"]) == (412, "ErrorIrresolvableConflict")


def test_a_copy_is_a_message_of_its_own(person: Person) -> None:
    message = person.deliver()
    path = f"/me/messages/{in_path(message['regularId'])}"
    copy = person.http.post(f"{path}/copy", json={"destinationId": "archive"})
    assert copy.status_code == 201
    assert len(person.value("/me/messages")) == 2
    assert person.http.post(f"{path}/permanentDelete").status_code == 204
    assert [one["id"] for one in person.value("/me/messages")] == [copy.json()["id"]]


def with_attachments(person: Person) -> dict[str, Any]:
    png = {"name": "logo.png", "contentType": "image/png", "isInline": True, "contentId": "logo"}
    pdf = {"name": "offer.pdf", "contentType": "application/pdf"}
    link = {"@odata.type": "#microsoft.graph.referenceAttachment", "name": "shared.docx"}
    contents = [
        png | {"contentBytes": base64.b64encode(b"png").decode()},
        pdf | {"contentBytes": base64.b64encode(b"%PDF").decode()},
        link,
    ]
    return person.deliver(attachments=contents)


def test_attachments_are_listed_with_content_and_given_as_bytes(person: Person) -> None:
    path = f"/me/messages/{in_path(with_attachments(person)['regularId'])}/attachments"
    png, pdf, link = person.value(path)
    assert png == {
        "@odata.type": "#microsoft.graph.fileAttachment",
        "id": png["id"],
        "lastModifiedDateTime": png["lastModifiedDateTime"],
        "name": "logo.png",
        "contentType": "image/png",
        "size": png["size"],
        "isInline": True,
        "contentId": "logo",
        "contentLocation": None,
        "contentBytes": "cG5n",
    }
    assert person.get(f"{path}/{pdf['id']}").json()["name"] == "offer.pdf"
    raw = person.get(f"{path}/{pdf['id']}/$value")
    assert (raw.content, raw.headers["Content-Type"]) == (b"%PDF", "application/pdf")
    assert link["@odata.type"] == "#microsoft.graph.referenceAttachment"
    assert person.get(f"{path}/{link['id']}/$value").status_code == 405


def test_attachments_can_be_expanded_with_the_properties_that_are_wanted(person: Person) -> None:
    with_attachments(person)
    expand = "attachments($select=id,name,isInline,microsoft.graph.fileAttachment/contentId)"
    answer = person.http.get("/me/messages", params={"$expand": expand, "$select": "id,hasAttachments"})
    message = answer.json()["value"][0]
    assert message["hasAttachments"] is True
    png, _, link = message["attachments"]
    assert set(png) == {"@odata.type", "id", "name", "isInline", "contentId"}
    assert set(link) == {"@odata.type", "id", "name", "isInline"}
    assert person.http.get("/me/messages", params={"$expand": "attachments($select=contentId)"}).status_code == 400


def test_inline_parts_alone_are_no_attachments(person: Person) -> None:
    image = {"name": "logo.png", "contentType": "image/png", "isInline": True, "contentBytes": "cG5n"}
    assert one(person, person.deliver(attachments=[image]))["hasAttachments"] is False


def test_an_attachment_id_names_its_message_in_the_kind_asked_for(person: Person) -> None:
    message = with_attachments(person)
    path = f"/me/messages/{in_path(message['immutableId'])}/attachments?$select=id"
    immutable = person.value(path, Prefer=IMMUTABLE)[0]["id"]
    person.admin.move(person.address, message["immutableId"], "archive")
    again = person.get(f"/me/messages/{in_path(message['immutableId'])}/attachments/{immutable}", Prefer=IMMUTABLE)
    assert again.json()["id"] == immutable


def test_the_odd_messages_are_served_as_the_service_serves_them(person: Person) -> None:
    kinds = ["nul", "surrogate", "no-from", "no-subject", "many-recipients", "zero-date", "meeting", "no-message-id"]
    person.admin.make_synthetic(person.address, len(kinds), odd_percent=100, odd=kinds)
    answer = person.get("/me/messages?$top=100&$orderby=receivedDateTime asc")
    nul, surrogate, no_from, no_subject, many, zero, meeting, no_id = answer.json()["value"]
    assert "\0" in nul["subject"]
    assert "\0" in nul["body"]["content"]
    assert "\ud83d" in surrogate["subject"]
    assert rb"A lone surrogate \ud83d in" in answer.content
    assert rb"A NUL \u0000 in" in answer.content
    assert no_from["from"] is None
    assert no_subject["subject"] is None
    assert len(many["toRecipients"]) == 600
    assert zero["sentDateTime"] == "0001-01-01T00:00:00Z"
    assert meeting["@odata.type"].startswith("#microsoft.graph.eventMessage")
    assert meeting["meetingMessageType"]
    assert no_id["internetMessageId"] is None


def test_a_body_of_five_megabytes_is_served_whole(person: Person) -> None:
    person.admin.make_synthetic(person.address, 1, odd_percent=100, odd=["huge"])
    message = person.value("/me/messages?$select=body,bodyPreview")[0]
    assert len(message["body"]["content"]) > 5 * 1024 * 1024
    assert len(message["bodyPreview"]) == 255


def test_other_people_s_mailboxes_are_closed(person: Person, simulator: RunningSimulator) -> None:
    other = simulator.admin.create_user("somebody.else@contoso.example")
    message = simulator.admin.deliver(other["address"], {"subject": "private"})
    assert person.get(f"/users/{other['id']}/messages").status_code == 403
    assert person.get(f"/me/messages/{in_path(message['immutableId'])}").status_code == 400
    assert person.get(f"/users/{person.user['id']}/messages").status_code == 200


def test_the_dump_tells_the_same_as_graph(person: Person) -> None:
    person.admin.make_synthetic(person.address, 60, odd_percent=50, folders=["inbox", "inbox/Sub"])
    dumped = {line["immutableId"]: line for line in person.admin.dump(person.address) if line["kind"] == "message"}
    served = person.value("/me/messages?$top=1000", Prefer=IMMUTABLE)
    assert len(served) == len(dumped) == 60
    for message in served:
        line = dumped[message["id"]]
        for name in DEFAULT_PROPERTIES - {"@odata.etag", "id", "webLink", "body"}:
            assert message[name] == line[name], name
        assert message["body"]["content"] == line["bodyHtml"]
    folders = [line for line in person.admin.dump(person.address) if line["kind"] == "folder"]
    sub = next(line for line in folders if line["displayName"] == "Sub")
    assert (sub["path"], sub["totalItemCount"]) == (["Inbox", "Sub"], 30)
