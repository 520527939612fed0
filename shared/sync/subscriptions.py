"""The account's subscription to change notifications, and what proves that a notification is ours."""

import base64
import binascii
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from shared.errors import ProviderItemNotFound, SubscriptionExists
from shared.jobs import Later
from shared.models.accounts import ConnectedAccount, Subscription, Urgency
from shared.models.jobs import EnsureSubscription
from shared.providers.protocol import MailProvider, ProviderSubscription
from shared.settings import Settings
from shared.storage.accounts import accounts_due_for_subscription
from shared.storage.database import system_transaction, user_transaction
from shared.storage.subscriptions import (
    claim_subscribing,
    get_subscription,
    release_subscribing,
    save_subscription,
)
from shared.sync.engine import Engine

LIFETIME: Final = timedelta(minutes=10_000)  # the service refuses more than 10,070 from its own clock, not ours
RENEW_WITHIN: Final = LIFETIME / 2
REQUESTS: Final = 3  # at most: renew, subscribe, and once more in place of another


def client_state_from(settings: Settings, account_id: UUID) -> str:
    """Make what Graph returns with each notification: the account's id and its HMAC, at most 128 characters."""
    return f"{_text_from(account_id.bytes)}.{_text_from(_mac(settings, account_id))}"


def account_id_from(settings: Settings, client_state: str) -> UUID | None:
    """Verify a notification's clientState in constant time, without a database; None when it is not ours."""
    encoded, _, mac = client_state.partition(".")
    try:
        account_id = UUID(bytes=base64.urlsafe_b64decode(encoded + "=="))
    except (ValueError, binascii.Error):
        return None
    expected = _text_from(_mac(settings, account_id))
    return account_id if hmac.compare_digest(mac.encode(), expected.encode()) else None


def _mac(settings: Settings, account_id: UUID) -> bytes:
    return hmac.digest(settings.webhook_key.get_secret_value().encode(), account_id.bytes, hashlib.sha256)


def _text_from(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


async def request_renewals(engine: Engine) -> None:
    """Have every subscription renewed that has lived half of its life, and the missing ones made."""
    async with system_transaction(engine.pool) as conn:
        due = await accounts_due_for_subscription(conn, RENEW_WITHIN.total_seconds())
    await engine.jobs.send(Later(EnsureSubscription(account_id=account_id)) for account_id in due)


async def ensure_subscription(engine: Engine, account: ConnectedAccount, job: EnsureSubscription) -> list[Later]:
    """
    Leave the account with a subscription that has at least half of its life before it.

    Two jobs at once would leave a second one that nobody knows, so one of them ends; the timer makes good a job that
    died.
    """
    lease_seconds = REQUESTS * engine.settings.page_lease_seconds
    async with user_transaction(engine.pool, account.user_id) as conn:
        if not await claim_subscribing(conn, account.user_id, account.id, lease_seconds):
            return []
    try:
        await _ensure(engine, account, renew_now=job.renew_now)
    finally:
        async with user_transaction(engine.pool, account.user_id) as conn:
            await release_subscribing(conn, account.user_id, account.id)
    return []


async def _ensure(engine: Engine, account: ConnectedAccount, *, renew_now: bool) -> None:
    async with user_transaction(engine.pool, account.user_id) as conn:
        current = await get_subscription(conn, account.user_id, account.id)
    if current and not renew_now and current.expires_at - datetime.now(UTC) > RENEW_WITHIN:
        return
    provider = engine.provider_for(account, Urgency.LIVE)
    subscription = await _renew(provider, current) or await _subscribe(engine, account, provider)
    async with user_transaction(engine.pool, account.user_id) as conn:
        await save_subscription(
            conn,
            account.user_id,
            account.id,
            provider_subscription_id=subscription.provider_subscription_id,
            expires_at=subscription.expires_at,
        )


async def _renew(provider: MailProvider, current: Subscription | None) -> ProviderSubscription | None:
    if current is None:
        return None
    try:
        return await provider.renew_subscription(
            current.provider_subscription_id, expires_at=datetime.now(UTC) + LIFETIME
        )
    except ProviderItemNotFound:
        return None


async def _subscribe(engine: Engine, account: ConnectedAccount, provider: MailProvider) -> ProviderSubscription:
    """Subscribe; one that exists was made by a run that died before saving it, so it is replaced."""
    try:
        return await _create(engine, account, provider)
    except SubscriptionExists as exc:
        if exc.provider_subscription_id is None:
            raise
        await provider.unsubscribe(exc.provider_subscription_id)
    return await _create(engine, account, provider)


async def _create(engine: Engine, account: ConnectedAccount, provider: MailProvider) -> ProviderSubscription:
    webhooks = f"{engine.settings.public_base_url}/api/webhooks/graph"
    return await provider.subscribe(
        notification_url=webhooks,
        lifecycle_url=f"{webhooks}/lifecycle",
        client_state=client_state_from(engine.settings, account.id),
        expires_at=datetime.now(UTC) + LIFETIME,
    )
