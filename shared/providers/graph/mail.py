"""An Outlook mailbox, through Microsoft Graph."""

import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, Final

import httpx

from shared.errors import (
    AnswerTooLarge,
    CursorExpired,
    ProviderItemNotFound,
    ProviderRejected,
    ProviderUnavailable,
)
from shared.models.mail import ChangePage, Fetched, ListedMessage, MailMessage, MessageStates, ProviderFolder
from shared.providers.graph.addresses import cursor_from, segment_from, text_from, with_query
from shared.providers.graph.batch import MOST_PATHS, found_in, get_together
from shared.providers.graph.client import IMMUTABLE_IDS, AccessToken, GraphClient, Question, items_of
from shared.providers.graph.errors import IdMalformed, TimedOut
from shared.providers.graph.folders import list_folders, well_known_names
from shared.providers.graph.mapping import listed_from, message_from
from shared.providers.graph.states import message_states
from shared.providers.graph.subscriptions import list_subscriptions, renew_subscription, subscribe, unsubscribe
from shared.providers.protocol import Certificate, Gate, ProviderSubscription

log = logging.getLogger(__name__)

MESSAGE_MAX_BYTES: Final = 24 * 1024 * 1024
BATCH_ROUNDS: Final = 3
_LIGHT: Final = (
    "id,changeKey,parentFolderId,conversationId,conversationIndex,internetMessageId,subject,bodyPreview,from,sender,"
    "toRecipients,ccRecipients,bccRecipients,replyTo,categories,importance,flag,isRead,isDraft,receivedDateTime,"
    "sentDateTime,createdDateTime,lastModifiedDateTime,hasAttachments,inferenceClassification,webLink,"
    "isDeliveryReceiptRequested,isReadReceiptRequested"
)
# A file's contentId is no property of attachments in general: without the cast the whole request is refused.
_ATTACHMENTS: Final = "attachments($select=id,name,contentType,size,isInline,microsoft.graph.fileAttachment/contentId)"
_WHOLE: Final = {"$select": f"{_LIGHT},body,internetMessageHeaders", "$expand": _ATTACHMENTS}


class GraphMail:
    """
    A `MailProvider`.

    `gate` is passed for each HTTP request; a batch's parts run one at a time, so it counts as one. Ids are immutable:
    they stay when a message moves.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        base_url: str,
        gate: Gate,
        access_token: AccessToken,
        *,
        timeout_seconds: float = 30,
    ) -> None:
        self._client = GraphClient(http, base_url, gate, access_token, timeout_seconds=timeout_seconds)

    @property
    def requests_made(self) -> int:
        return self._client.requests_made

    async def list_folders(self, *, in_haste: bool = False) -> Sequence[ProviderFolder]:
        return await list_folders(self._client, in_haste=in_haste)

    async def well_known_names(self) -> Mapping[str, str]:
        return await well_known_names(self._client)

    async def changes(self, provider_folder_id: str, cursor: str | None, *, page_messages: int) -> ChangePage:
        prefer = (IMMUTABLE_IDS, f"odata.maxpagesize={page_messages}")
        target = cursor or with_query(
            f"me/mailFolders/{segment_from(provider_folder_id)}/messages/delta",
            {"$select": "id,receivedDateTime", "$orderby": "receivedDateTime desc"},
        )
        try:
            page = (await self._client.get(target, prefer=prefer)).document
        except ProviderRejected as exc:
            if cursor is None:
                raise
            raise CursorExpired(str(exc)) from exc  # all that a link holds is its token
        return _change_page_from(page)

    async def messages_between(
        self, provider_folder_id: str, received_from: datetime, received_before: datetime, *, limit: int
    ) -> Fetched:
        window = f"receivedDateTime ge {text_from(received_from)} and receivedDateTime lt {text_from(received_before)}"
        options = {"$filter": window, "$orderby": "receivedDateTime desc", "$top": str(limit), **_WHOLE}
        path = f"me/mailFolders/{segment_from(provider_folder_id)}/messages"
        try:
            answer = await self._client.get(with_query(path, options))
        except TimedOut as exc:
            raise AnswerTooLarge(str(exc)) from exc
        return Fetched(answer.asked_at, _messages(items_of(answer.document)))

    async def messages(self, provider_message_ids: Sequence[str]) -> Fetched:
        wanted = list(dict.fromkeys(provider_message_ids))
        if not wanted:
            return Fetched(datetime.now(UTC), ())
        if len(wanted) == 1:
            return await self._message(wanted[0])
        asked: list[datetime] = []
        found: list[MailMessage] = []
        missing: list[str] = []
        for _ in range(BATCH_ROUNDS):
            unanswered: list[str] = []
            for start in range(0, len(wanted), MOST_PATHS):
                ids = wanted[start : start + MOST_PATHS]
                asked_at, documents = await self._some_messages(ids)
                asked.append(asked_at)
                found += _messages([document for document in documents.values() if document is not None])
                missing += [message_id for message_id, document in documents.items() if document is None]
                unanswered += [message_id for message_id in ids if message_id not in documents]
            if not unanswered:
                return Fetched(min(asked), found, missing)
            wanted = unanswered
        raise ProviderUnavailable(f"{len(wanted)} messages of a batch were left unanswered")

    async def _some_messages(self, ids: Sequence[str]) -> tuple[datetime, dict[str, dict[str, Any] | None]]:
        """Ask for some messages at once; return those answered, None for those that are not there."""
        paths = {_message_path(message_id, _WHOLE): message_id for message_id in ids}
        asked_at, parts = await get_together(self._client, list(paths))
        return asked_at, {paths[path]: found_in(part) for path, part in parts.items()}

    async def _message(self, message_id: str) -> Fetched:
        try:
            return await self._one(message_id, _WHOLE)
        except AnswerTooLarge:
            light = {"$select": _LIGHT, "$expand": _ATTACHMENTS}
            return await self._one(message_id, light, lost="body and headers, which are too large")

    async def _one(self, message_id: str, options: dict[str, str], *, lost: str | None = None) -> Fetched:
        question = Question("GET", _message_path(message_id, options), (IMMUTABLE_IDS,))
        absent = (ProviderItemNotFound, IdMalformed)
        answer = await self._client.ask(question, most_bytes=MESSAGE_MAX_BYTES, tolerated=absent)
        found = _messages([answer.document], lost=lost) if answer.document else []
        return Fetched(answer.asked_at, found, () if found else (message_id,))

    async def message_states(
        self, received_from: datetime | None, received_before: datetime | None, *, limit: int
    ) -> MessageStates:
        return await message_states(self._client, received_from, received_before, limit=limit)

    async def attachment_content(
        self, provider_message_id: str, provider_attachment_id: str
    ) -> AsyncGenerator[bytes, None]:
        """Stream. The request counts until the iteration ends: close it (`contextlib.aclosing`) when leaving early."""
        message, attachment = segment_from(provider_message_id), segment_from(provider_attachment_id)
        question = Question("GET", f"me/messages/{message}/attachments/{attachment}/$value", (IMMUTABLE_IDS,))
        try:
            async with self._client.opened(question) as answer, aclosing(answer.parts()) as parts:
                async for part in parts:
                    yield part
        except ProviderRejected as exc:  # malformed, or a link: 405
            raise ProviderItemNotFound(str(exc)) from exc

    async def subscribe(
        self, *, notification_url: str, lifecycle_url: str, client_state: str, certificate: Certificate | None = None
    ) -> ProviderSubscription:
        return await subscribe(
            self._client,
            notification_url=notification_url,
            lifecycle_url=lifecycle_url,
            client_state=client_state,
            certificate=certificate,
        )

    async def renew_subscription(
        self, provider_subscription_id: str, certificate: Certificate | None = None
    ) -> ProviderSubscription:
        return await renew_subscription(self._client, provider_subscription_id, certificate)

    async def list_subscriptions(self) -> Sequence[ProviderSubscription]:
        return await list_subscriptions(self._client)

    async def unsubscribe(self, provider_subscription_id: str) -> None:
        await unsubscribe(self._client, provider_subscription_id)


def _message_path(message_id: str, options: dict[str, str]) -> str:
    return with_query(f"me/messages/{segment_from(message_id)}", options)


def _messages(items: Sequence[dict[str, Any]], *, lost: str | None = None) -> list[MailMessage]:
    by_id = {message.provider_message_id: message for item in items if (message := message_from(item, lost=lost))}
    return list(by_id.values())


def _change_page_from(page: dict[str, Any]) -> ChangePage:
    """Read a page of delta. An item that comes twice counts as it came last."""
    listed: dict[str, ListedMessage | None] = {}
    for item in items_of(page):
        if not isinstance(item.get("id"), str):
            log.error("a change without an id passed over")
            continue
        listed[item["id"]] = None if "@removed" in item else listed_from(item)
    next_link, delta_link = page.get("@odata.nextLink"), page.get("@odata.deltaLink")
    link = next_link or delta_link
    if not isinstance(link, str):
        raise ProviderUnavailable("a page of changes without a link")
    return ChangePage(
        listed=[item for item in listed.values() if item],
        removed_ids=[message_id for message_id, item in listed.items() if item is None],
        cursor=cursor_from(link),
        has_more=bool(next_link),
    )
