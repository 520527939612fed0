"""What a mailbox says of many messages at once: where each is and in what state, without reading it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from shared.errors import AnswerTooLarge, ProviderUnavailable
from shared.models.mail import MessageState, MessageStates
from shared.providers.graph.addresses import text_from, with_query
from shared.providers.graph.client import GraphClient, items_of
from shared.providers.graph.errors import TimedOut
from shared.providers.graph.mapping import listed_from, message_from

_STATE: Final = "id,changeKey,parentFolderId,isRead,flag,receivedDateTime,lastModifiedDateTime"
_SECOND: Final = timedelta(seconds=1)
_MOST_PAGES: Final = 1_000


async def message_states(
    client: GraphClient, received_from: datetime | None, received_before: datetime | None, *, limit: int
) -> MessageStates:
    """
    Ask for a window. Where more is in it than fits in one answer, end with the last whole second that was answered.

    Links are followed only while one second fills whole answers.
    """
    options = {"$select": _STATE, "$orderby": "receivedDateTime desc", "$top": str(limit)}
    if bounds := _filter(received_from, received_before):
        options["$filter"] = bounds
    target: str = with_query("me/messages", options)
    asked: list[datetime] = []
    items: list[dict[str, Any]] = []
    for _ in range(_MOST_PAGES):
        try:
            answer = await client.get(target)
        except TimedOut as exc:
            raise AnswerTooLarge(str(exc)) from exc
        asked.append(answer.asked_at)
        items += items_of(answer.document)
        link = answer.document.get("@odata.nextLink")
        if not isinstance(link, str):
            return MessageStates(min(asked), received_from, _states(items))
        border = _border(items)
        if border and (whole := [item for item in items if (at := _received_at(item)) and at >= border]):
            return MessageStates(min(asked), border, _states(whole))
        target = link
    raise ProviderUnavailable("a list of messages without an end")


def _filter(received_from: datetime | None, received_before: datetime | None) -> str:
    bounds = [
        *([f"receivedDateTime ge {text_from(received_from)}"] if received_from else []),
        *([f"receivedDateTime lt {text_from(received_before)}"] if received_before else []),
    ]
    return " and ".join(bounds)


def _border(items: Sequence[dict[str, Any]]) -> datetime | None:
    """Give the second after the oldest item's: of that one itself, more may follow."""
    oldest = min((at for item in items if (at := _received_at(item))), default=None)
    try:
        return oldest.replace(microsecond=0) + _SECOND if oldest else None
    except OverflowError:
        return None


def _received_at(item: dict[str, Any]) -> datetime | None:
    return listed_from(item).received_at


def _states(items: Sequence[dict[str, Any]]) -> list[MessageState]:
    found: dict[str, MessageState] = {}
    for item in items:
        if message := message_from(item):  # read as it is when the whole message is stored
            found[message.provider_message_id] = MessageState(
                provider_message_id=message.provider_message_id,
                provider_folder_id=message.provider_folder_id,
                change_key=message.change_key,
                is_read=message.is_read,
                flag=message.flag,
                last_modified_at=message.last_modified_at,
            )
    return list(found.values())
