"""JSON as Graph answers it."""

from typing import Any


def graph_message(**changes: object) -> dict[str, Any]:
    """A message with every property that a whole one has."""
    return {
        "@odata.etag": 'W/"CQAAABYAAADk3yT2"',
        "id": "AAkALgAAAAAAHYQDEapm=",
        "createdDateTime": "2026-02-03T04:05:06Z",
        "lastModifiedDateTime": "2026-02-03T04:06:00Z",
        "changeKey": "CQAAABYAAADk3yT2",
        "categories": ["Red"],
        "receivedDateTime": "2026-02-03T04:05:07Z",
        "sentDateTime": "2026-02-03T04:05:01Z",
        "hasAttachments": True,
        "internetMessageId": "<1@contoso.example>",
        "subject": "Concert",
        "bodyPreview": "The group plays",
        "importance": "high",
        "parentFolderId": "AQMkADcbAAAB",
        "conversationId": "AAQkADOU=",
        "conversationIndex": "AQHcAw==",
        "isDeliveryReceiptRequested": None,
        "isReadReceiptRequested": False,
        "isRead": True,
        "isDraft": False,
        "webLink": "https://outlook.office365.com/owa/?ItemID=AAkA%3D",
        "inferenceClassification": "focused",
        "body": {"contentType": "html", "content": "<html><body><p>The group</p><p>plays</p></body></html>"},
        "sender": mailbox("Ada", "ada@contoso.example"),
        "from": mailbox("Ada", "ada@contoso.example"),
        "toRecipients": [mailbox("Bo", "bo@contoso.example")],
        "ccRecipients": [],
        "bccRecipients": [],
        "replyTo": [],
        "flag": {"flagStatus": "notFlagged"},
        "internetMessageHeaders": [
            {"name": "Received", "value": "by b"},
            {"name": "Received", "value": "by a"},
        ],
        "attachments": [],
        **changes,
    }


def mailbox(name: str | None, address: str | None) -> dict[str, Any]:
    return {"emailAddress": {"name": name, "address": address}}


def graph_error(code: str, message: str = "Something.", **inner: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "innerError": inner}}
