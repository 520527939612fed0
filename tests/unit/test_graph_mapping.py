"""What becomes of Graph's messages, however odd they are."""

import logging
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.models.mail import (
    AttachmentKind,
    FlagStatus,
    Importance,
    MailAttachment,
    Mailbox,
    MailMessage,
    MessageKind,
    ProviderFolder,
)
from shared.providers.graph.json_text import document_from
from shared.providers.graph.mapping import folder_from, is_mirrored, message_from, moment_from
from tests.unit.graph_json import graph_message, mailbox

NOTHING: dict[str, Any] = {"id": "AAkA="}


def mapped(item: dict[str, Any]) -> MailMessage:
    message = message_from(item)
    assert message is not None
    return message


def test_every_property_of_an_ordinary_message_arrives() -> None:
    assert mapped(graph_message()) == MailMessage(
        provider_message_id="AAkALgAAAAAAHYQDEapm=",
        provider_folder_id="AQMkADcbAAAB",
        provider_thread_id="AAQkADOU=",
        change_key="CQAAABYAAADk3yT2",
        kind=MessageKind.MESSAGE,
        provider_kind="#microsoft.graph.message",
        internet_message_id="<1@contoso.example>",
        subject="Concert",
        preview="The group plays",
        from_=Mailbox("Ada", "ada@contoso.example"),
        sender=Mailbox("Ada", "ada@contoso.example"),
        to=[Mailbox("Bo", "bo@contoso.example")],
        cc=[],
        bcc=[],
        reply_to=[],
        categories=["Red"],
        importance=Importance.HIGH,
        flag=FlagStatus.NOT_FLAGGED,
        flag_dates=None,
        is_read=True,
        is_draft=False,
        received_at=datetime(2026, 2, 3, 4, 5, 7, tzinfo=UTC),
        sent_at=datetime(2026, 2, 3, 4, 5, 1, tzinfo=UTC),
        created_at=datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC),
        last_modified_at=datetime(2026, 2, 3, 4, 6, tzinfo=UTC),
        has_attachments=True,
        inference_classification="focused",
        conversation_index="AQHcAw==",
        web_link="https://outlook.office365.com/owa/?ItemID=AAkA%3D",
        wants_delivery_receipt=None,
        wants_read_receipt=False,
        html="<html><body><p>The group</p><p>plays</p></body></html>",
        text=None,
        headers=[("Received", "by b"), ("Received", "by a")],
        attachments=[],
        altered=(),
        failure=None,
    )


@pytest.mark.parametrize("value", [None, "absent"])
def test_a_message_of_nulls_is_stored_without_complaint(value: str | None) -> None:
    nulls = {name: None for name in graph_message() if name not in ("id", "@odata.etag")}
    message = mapped(NOTHING | nulls if value is None else NOTHING)
    assert (message.subject, message.from_, message.sender, message.text, message.html) == ("", None, None, "", None)
    assert (message.is_read, message.is_draft, message.to, message.importance) == (False, False, (), Importance.NORMAL)
    assert message.provider_thread_id == "AAkA="  # a thread of its own
    assert message.received_at == datetime(1, 1, 1, tzinfo=UTC)
    assert message.failure is None


@pytest.mark.parametrize(
    ("broken", "named"),
    [
        ({"subject": 7}, "subject"),
        ({"from": "ada"}, "from"),
        ({"toRecipients": {"0": None}}, "to"),
        ({"toRecipients": [None, mailbox("Bo", None)]}, "to"),
        ({"body": "text"}, "body"),
        ({"body": {"contentType": "html", "content": ["x"]}}, "body"),
        ({"receivedDateTime": "yesterday"}, "received_at"),
        ({"sentDateTime": 1767225600}, "sent_at"),
        ({"isRead": "maybe"}, "is_read"),
        ({"flag": "flagged"}, "flag, flag_dates"),
        ({"categories": "Red"}, "categories"),
        ({"internetMessageHeaders": [["a", "b"]]}, "headers"),
        ({"attachments": [{"name": "no id"}]}, "attachments"),
        ({"attachments": [{"id": "a", "size": "huge"}]}, "attachments"),
        ({"attachments@odata.nextLink": "https://graph.test/more"}, "attachments"),
    ],
)
def test_one_broken_property_is_named_and_the_rest_arrives(broken: dict[str, Any], named: str) -> None:
    message = mapped(graph_message(**broken))
    assert message.failure == f"could not be read: {named}"
    assert message.internet_message_id == "<1@contoso.example>"


def test_one_broken_recipient_does_not_cost_the_others() -> None:
    message = mapped(graph_message(toRecipients=[None, mailbox("Bo", None), mailbox(None, None)]))
    assert message.to == [Mailbox("Bo", None), Mailbox(None, None)]


def test_six_hundred_recipients_all_arrive() -> None:
    many = [mailbox(f"Person {n}", f"person{n}@contoso.example") for n in range(600)]
    assert len(mapped(graph_message(toRecipients=many)).to) == 600


@pytest.mark.parametrize("item", [{}, {"id": None}, {"id": ""}, {"id": 5}, {"id": "A\ud800"}, {"id": "A\x00"}])
def test_only_a_message_without_a_usable_id_is_passed_over_and_logged(
    item: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        assert message_from(item) is None
    assert "without an id" in caplog.text


# Characters


@pytest.mark.parametrize("odd", ["\\u0000", "\\ud83d", "\\udc00"])
def test_what_the_database_cannot_store_is_replaced_and_named(odd: str) -> None:
    body = (
        f'{{"id": "AAkA=", "subject": "a {odd} b", "bodyPreview": "fine",'
        f' "from": {{"emailAddress": {{"name": "{odd}"}}}},'
        f' "body": {{"contentType": "html", "content": "<p>x{odd}y</p>"}}, "categories": ["c{odd}"],'
        f' "internetMessageHeaders": [{{"name": "X-Odd", "value": "{odd}"}}],'
        f' "attachments": [{{"id": "att", "name": "{odd}.txt"}}]}}'
    )
    message = mapped(document_from(body.encode()))
    assert message.subject == "a \ufffd b"
    assert message.from_ == Mailbox("\ufffd", None)
    assert (message.html, message.text) == ("<p>x\ufffdy</p>", None)
    assert message.headers == [("X-Odd", "\ufffd")]
    assert message.attachments[0].name == "\ufffd.txt"
    assert set(message.altered) == {"subject", "from", "body", "categories", "headers", "attachments"}


def test_a_pair_of_surrogates_is_one_letter_and_stays() -> None:
    message = mapped(document_from(b'{"id": "AAkA=", "subject": "\\ud83d\\ude00 \\ud83d"}'))
    assert message.subject == "\U0001f600 \ufffd"


# Kinds


@pytest.mark.parametrize(
    ("odata_type", "meeting", "kind"),
    [
        (None, None, MessageKind.MESSAGE),
        ("#microsoft.graph.message", None, MessageKind.MESSAGE),
        ("#microsoft.graph.eventMessageRequest", None, MessageKind.MEETING_REQUEST),
        ("#microsoft.graph.eventMessageResponse", "meetingTenativelyAccepted", MessageKind.MEETING_RESPONSE),
        ("#microsoft.graph.eventMessage", "meetingCancelled", MessageKind.MEETING_CANCELLATION),
        ("#microsoft.graph.eventMessage", None, MessageKind.MEETING_CANCELLATION),
        ("#microsoft.graph.calendarSharingMessage", None, MessageKind.OTHER),
        ("#microsoft.graph.somethingNew", "somethingElse", MessageKind.OTHER),
    ],
)
def test_meeting_mail_is_recognised_and_its_own_word_kept(
    odata_type: str | None, meeting: str | None, kind: MessageKind
) -> None:
    message = mapped(graph_message(**{"@odata.type": odata_type, "meetingMessageType": meeting}))
    assert message.kind is kind
    assert message.provider_kind == (odata_type or "#microsoft.graph.message")


def test_flags_keep_their_dates() -> None:
    due = {"dateTime": "2026-03-01T00:00:00.0000000", "timeZone": "UTC"}
    message = mapped(graph_message(flag={"flagStatus": "flagged", "dueDateTime": due, "startDateTime": None}))
    assert message.flag is FlagStatus.FLAGGED
    assert message.flag_dates == {"due": due}


def test_unknown_words_become_the_ordinary_ones() -> None:
    message = mapped(graph_message(importance="urgent", flag={"flagStatus": "waving"}))
    assert (message.importance, message.flag, message.failure) == (Importance.NORMAL, FlagStatus.NOT_FLAGGED, None)


def test_a_boolean_in_words_is_understood() -> None:
    assert mapped(graph_message(isRead="true")).is_read is True


def test_a_text_body_has_no_html_and_stays_as_it_is() -> None:
    message = mapped(graph_message(body={"contentType": "Text", "content": "a  b\r\n<c>"}))
    assert (message.html, message.text) == (None, "a  b\r\n<c>")


@pytest.mark.parametrize(
    ("odata_type", "kind"),
    [
        ("#microsoft.graph.fileAttachment", AttachmentKind.FILE),
        ("microsoft.graph.fileAttachment", AttachmentKind.FILE),
        ("#microsoft.graph.itemAttachment", AttachmentKind.ITEM),
        ("#microsoft.graph.referenceAttachment", AttachmentKind.REFERENCE),
        ("#microsoft.graph.somethingNew", AttachmentKind.OTHER),
        (None, AttachmentKind.OTHER),
    ],
)
def test_attachments_are_told_apart_by_type(odata_type: str | None, kind: AttachmentKind) -> None:
    told = {"@odata.type": odata_type, "id": "att", "name": "a.pdf", "contentType": None, "size": 13068}
    told |= {"isInline": True, "contentId": "c1"}
    assert mapped(graph_message(attachments=[told])).attachments == [
        MailAttachment("att", kind, "a.pdf", None, 13068, True, "c1")  # noqa: FBT003 - the model's order
    ]


# Times


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-02-03T04:05:06Z", datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)),
        ("2026-02-03T04:05:06.2257768Z", datetime(2026, 2, 3, 4, 5, 6, 225776, tzinfo=UTC)),
        ("2026-02-02T20:05:06.0000000-08:00", datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)),
        ("2026-02-03T04:05:06", datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("0001-01-01T00:00:00+08:00", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59.9999999Z", datetime.max.replace(tzinfo=UTC)),
        ("9999-12-31T23:59:59-08:00", datetime.max.replace(tzinfo=UTC)),
    ],
)
def test_times_are_read_in_every_form(written: str, moment: datetime) -> None:
    assert moment_from(written) == moment


def test_a_message_that_was_never_received_counts_from_when_it_was_made() -> None:
    message = mapped(graph_message(receivedDateTime=None))
    assert message.received_at == datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)


def test_the_change_key_comes_from_the_etag_where_it_is_missing() -> None:
    assert mapped(graph_message(changeKey=None)).change_key == "CQAAABYAAADk3yT2"


# Folders


def test_a_folder_arrives_with_its_counts() -> None:
    item = {"id": "F=", "displayName": "a/b\x00", "totalItemCount": 71, "unreadItemCount": None}
    assert folder_from(item, "P=", "inbox") == ProviderFolder("F=", "P=", "a/b\ufffd", "inbox", 71, 0)


def test_hidden_and_search_folders_are_not_mirrored() -> None:
    assert is_mirrored({"id": "F="})
    assert not is_mirrored({"id": "F=", "isHidden": True})
    assert not is_mirrored({"id": "F=", "@odata.type": "#microsoft.graph.mailSearchFolder"})
