"""What a notification says."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

from dev.graph_simulator.clock import iso_precise
from dev.graph_simulator.mailbox import Change, NotFound
from dev.graph_simulator.rich import RichFault, encrypted_content
from dev.graph_simulator.subscription_list import Subscription

_OFFSET = timezone(timedelta(hours=5, minutes=30))
_STYLES = ("slash", "tenant", "key")


@dataclass(slots=True)
class Notice:
    """One item on its way to a URL. `key` is its name in the store, in the order in which notices were made."""

    key: str
    url: str
    subscription: str
    app_id: str
    tenant: str
    item: dict[str, Any]
    offered_at: float

    @property
    def is_rich(self) -> bool:
        return "encryptedContent" in self.item


def change_item(subscription: Subscription, change: Change, kind: str, turn: int, fault: RichFault) -> dict[str, Any]:
    """Return the item for a change; `turn` chooses among the forms in which items were seen, 0 is the plain one."""
    message_id = change.immutable_id if subscription.is_immutable else change.regular_id
    path = _path(_STYLES[turn % len(_STYLES)], subscription, message_id)
    item = frame(subscription, turn) | {
        "changeType": kind,
        "resource": path,
        "resourceData": {
            "@odata.type": "#Microsoft.Graph.Message",
            "@odata.id": path,
            "@odata.etag": f'W/"{change.change_key}"',
            "id": message_id,
        },
    }
    if subscription.is_rich and kind != "deleted" and (content := _content(subscription, change, fault)):
        item["encryptedContent"] = content
    return item if turn % 2 else {"id": uuid4().hex} | item


def frame(subscription: Subscription, turn: int | None = 0) -> dict[str, Any]:
    """Return what items and lifecycle events have in common; without a turn the date is a plain one."""
    expires = datetime.fromtimestamp(subscription.expires, UTC)
    local = expires.astimezone(_OFFSET).replace(tzinfo=None)
    is_plain = turn is None or turn % 3
    found = {
        "subscriptionId": subscription.id,
        "subscriptionExpirationDateTime": iso_precise(expires)
        if is_plain
        else f"{local.isoformat('T', 'microseconds')}0+05:30",
        "tenantId": subscription.tenant,
    }
    return found | ({"clientState": subscription.client_state} if subscription.client_state is not None else {})


def _content(subscription: Subscription, change: Change, fault: RichFault) -> dict[str, str] | None:
    try:
        message = change.mailbox.message(change.immutable_id)
    except NotFound:
        return None
    return encrypted_content(subscription, change.mailbox, message, fault)


def _path(style: str, subscription: Subscription, message_id: str) -> str:
    if style == "slash":
        return f"Users/{subscription.user}/Messages/{message_id}"
    if style == "tenant":
        return f"users/{subscription.user}@{subscription.tenant}/messages/{message_id}"
    return f"Users('{subscription.user}')/messages('{message_id}')"
