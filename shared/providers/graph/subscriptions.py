"""The subscription to a mailbox's change notifications."""

import re
from datetime import datetime
from typing import Final

from shared.errors import (
    MailboxUnavailable,
    ProviderItemNotFound,
    ProviderRejected,
    ProviderUnavailable,
    SubscriptionExists,
)
from shared.providers.graph.addresses import segment_from, text_from
from shared.providers.graph.client import IMMUTABLE_IDS, GraphClient, Question
from shared.providers.graph.errors import AlreadyExists
from shared.providers.graph.mapping import subscription_from
from shared.providers.protocol import ProviderSubscription

_GUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_GONE: Final = (ProviderItemNotFound, MailboxUnavailable, ProviderRejected)
"""A subscription that is not there, or not ours, or past its time: Graph has several words for it."""


async def subscribe(
    client: GraphClient, *, notification_url: str, lifecycle_url: str, client_state: str, expires_at: datetime
) -> ProviderSubscription:
    """Have notifications name messages by their immutable ids; that cannot be changed later."""
    body = {
        "changeType": "created,updated,deleted",
        "notificationUrl": notification_url,
        "lifecycleNotificationUrl": lifecycle_url,
        "resource": "/me/messages",
        "expirationDateTime": text_from(expires_at),
        "clientState": client_state,
        "latestSupportedTlsVersion": "v1_2",
    }
    try:
        return await _subscription(client, Question("POST", "subscriptions", (IMMUTABLE_IDS,), body))
    except AlreadyExists as exc:
        named = _GUID.search(exc.wording)
        raise SubscriptionExists(str(exc), provider_subscription_id=named[0] if named else None) from exc
    except ProviderItemNotFound as exc:
        raise MailboxUnavailable(str(exc)) from exc


async def renew_subscription(
    client: GraphClient, subscription_id: str, *, expires_at: datetime
) -> ProviderSubscription:
    body = {"expirationDateTime": text_from(expires_at)}
    try:
        return await _subscription(client, Question("PATCH", _path(subscription_id), (IMMUTABLE_IDS,), body))
    except _GONE as exc:
        raise ProviderItemNotFound(str(exc)) from exc


async def unsubscribe(client: GraphClient, subscription_id: str) -> None:
    await client.ask(Question("DELETE", _path(subscription_id)), tolerated=_GONE)


def _path(subscription_id: str) -> str:
    return f"subscriptions/{segment_from(subscription_id)}"


async def _subscription(client: GraphClient, question: Question) -> ProviderSubscription:
    document = (await client.ask(question)).document
    try:
        return subscription_from(document)
    except (TypeError, ValueError) as exc:
        raise ProviderUnavailable("a subscription that the answer does not describe") from exc
