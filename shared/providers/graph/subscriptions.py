"""The subscription to a mailbox's change notifications."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from shared.errors import (
    MailboxUnavailable,
    ProviderItemNotFound,
    ProviderRejected,
    ProviderUnavailable,
    SubscriptionExists,
    SubscriptionLimit,
    SubscriptionRefused,
)
from shared.providers.graph.addresses import segment_from, text_from
from shared.providers.graph.client import IMMUTABLE_IDS, GraphClient, Question
from shared.providers.graph.errors import AlreadyExists, EndpointRefused, ExtensionForbidden
from shared.providers.graph.mapping import subscription_from
from shared.providers.graph.notification_content import RICH_SELECT
from shared.providers.protocol import Certificate, ProviderSubscription

LIFETIME: Final = timedelta(minutes=10_070 - 15)
"""The longest that Graph takes, counted from its own clock; ours may be a quarter of an hour ahead."""
SHORTER: Final = timedelta(minutes=1_440 - 15)
"""The longest with content; else asked for when Graph takes no more: our clock is far off, or the rules changed."""
LISTED_PAGES: Final = 20

_GUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_GONE: Final = (ProviderItemNotFound, MailboxUnavailable, ProviderRejected)
"""A subscription that is not there, or not ours, or past its time: Graph has several words for it."""


async def subscribe(
    client: GraphClient,
    *,
    notification_url: str,
    lifecycle_url: str,
    client_state: str,
    certificate: Certificate | None = None,
) -> ProviderSubscription:
    """Have notifications name messages by their immutable ids; that cannot be changed later."""
    body: dict[str, object] = {
        "changeType": "created,updated,deleted",
        "notificationUrl": notification_url,
        "lifecycleNotificationUrl": lifecycle_url,
        "resource": f"/me/messages?$select={','.join(RICH_SELECT)}" if certificate else "/me/messages",
        "clientState": client_state,
        "latestSupportedTlsVersion": "v1_2",
    }
    if certificate:
        body["includeResourceData"] = True
    try:
        return await _granted(client, "POST", "subscriptions", body, certificate)
    except AlreadyExists as exc:
        named = _GUID.search(exc.wording)
        raise SubscriptionExists(str(exc), provider_subscription_id=named[0] if named else None) from exc
    except ExtensionForbidden as exc:
        raise SubscriptionLimit(str(exc)) from exc
    except ProviderItemNotFound as exc:
        raise MailboxUnavailable(str(exc)) from exc
    except ProviderRejected as exc:
        raise SubscriptionRefused(str(exc)) from exc


async def renew_subscription(
    client: GraphClient, subscription_id: str, certificate: Certificate | None = None
) -> ProviderSubscription:
    try:
        return await _granted(client, "PATCH", _path(subscription_id), {}, certificate)
    except _GONE as exc:
        raise ProviderItemNotFound(str(exc)) from exc


async def unsubscribe(client: GraphClient, subscription_id: str) -> None:
    await client.ask(Question("DELETE", _path(subscription_id)), tolerated=_GONE)


async def list_subscriptions(client: GraphClient) -> list[ProviderSubscription]:
    """List those of this application. What the mailbox's provider does not let us see is none of ours."""
    found: list[ProviderSubscription] = []
    target: object = "subscriptions"
    for _ in range(LISTED_PAGES):
        page = (await client.ask(Question("GET", str(target)), tolerated=_GONE)).document
        try:
            found += [subscription_from(item) for item in page.get("value", [])]
        except (AttributeError, TypeError, ValueError) as exc:
            raise ProviderUnavailable("a list of subscriptions that does not describe them") from exc
        target = page.get("@odata.nextLink")
        if not target:
            break
    return found


def _path(subscription_id: str) -> str:
    return f"subscriptions/{segment_from(subscription_id)}"


async def _granted(
    client: GraphClient, method: str, path: str, wish: dict[str, object], certificate: Certificate | None
) -> ProviderSubscription:
    """Ask for the longest life, and once for a shorter one when that is refused."""
    if certificate:
        body = {**wish, "encryptionCertificate": certificate.encoded, "encryptionCertificateId": certificate.id}
        return await _asked(client, method, path, body, SHORTER)
    body = wish
    try:
        return await _asked(client, method, path, body, LIFETIME)
    except (AlreadyExists, EndpointRefused):
        raise
    except ProviderRejected:
        return await _asked(client, method, path, body, SHORTER)


async def _asked(
    client: GraphClient, method: str, path: str, body: dict[str, object], lifetime: timedelta
) -> ProviderSubscription:
    """Ask. The answer tells the life that was granted, whatever the wish was."""
    wish = {**body, "expirationDateTime": text_from(datetime.now(UTC) + lifetime)}
    document = (await client.ask(Question(method, path, (IMMUTABLE_IDS,), wish))).document
    try:
        return subscription_from(document)
    except (TypeError, ValueError) as exc:
        raise ProviderUnavailable("a subscription that the answer does not describe") from exc
