"""The account's subscription to change notifications, and what proves that a notification is ours."""

import asyncio
import base64
import binascii
import hashlib
import hmac
import logging
import random
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from shared.errors import (
    MailboxUnavailable,
    ProviderError,
    ProviderItemNotFound,
    SubscriptionExists,
    SubscriptionRefused,
)
from shared.jobs import Later
from shared.models.accounts import ConnectedAccount, Subscription, Urgency
from shared.models.api import AccountState, ChangeKind
from shared.models.jobs import EnsureSubscription, SyncChanges
from shared.providers.protocol import Certificate, MailProvider, ProviderSubscription
from shared.secrets import Secrets
from shared.settings import Settings
from shared.storage.database import system_transaction, user_transaction
from shared.storage.events import Event
from shared.storage.subscriptions import (
    claim_accounts_to_subscribe,
    claim_subscribing,
    clear_subscription_problem,
    delete_subscription,
    get_subscription,
    record_subscription_problem,
    release_subscribing,
    save_subscription,
)
from shared.sync.engine import Engine, recorded_transaction
from shared.telemetry import RENEWALS, record

log = logging.getLogger(__name__)

REQUESTS: Final = 8  # list, renew, end another, subscribe; some of them twice
HALF_LIFE: Final = (0.45, 0.55)  # of the granted life: what was made in one hour is not renewed in one minute
FIRST_RETRY_SECONDS: Final = 300.0
MOST_RETRY_SECONDS: Final = 3600.0
FIRST_SYNC_SECONDS: Final = 30.0  # catching up would only take its requests away; its end catches up as well

CLAIMED_AT_ONCE: Final = 1000
CLAIM_SECONDS: Final = 600.0  # beyond the moment at which the job is due
ROUND_SECONDS: Final = 200.0
RENEWALS_PER_SECOND: Final = 100


def client_state_from(secrets: Secrets, account_id: UUID) -> str:
    """Make what Graph returns with each notification: the account's id and its HMAC, at most 128 characters."""
    return f"{_text_from(account_id.bytes)}.{_text_from(_mac(secrets.webhook_keys[0], account_id))}"


def account_id_from(secrets: Secrets, client_state: str) -> UUID | None:
    """Verify a notification's clientState in constant time, without a database; None when it is not ours."""
    encoded, _, mac = client_state.partition(".")
    try:
        account_id = UUID(bytes=base64.urlsafe_b64decode(encoded + "=="))
    except (ValueError, binascii.Error):
        return None
    given = mac.encode(errors="replace")
    expected = (_text_from(_mac(key, account_id)).encode() for key in secrets.webhook_keys)
    return account_id if any(hmac.compare_digest(given, each) for each in expected) else None


def _mac(key: str, account_id: UUID) -> bytes:
    return hmac.digest(key.encode(), account_id.bytes, hashlib.sha256)


def _text_from(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def terms_from(settings: Settings, secrets: Secrets, certificate: Certificate | None = None) -> str:
    """Make a digest of what every subscription of this deployment is made with; another one is due for replacement."""
    terms = f"{settings.public_base_url} {secrets.webhook_keys[0]}"
    return _digest_of(f"{terms} {certificate.id}" if certificate else terms)


def _webhook_url(settings: Settings) -> str:
    return f"{settings.public_base_url}/api/webhooks/graph"


def notification_url_from(settings: Settings, secrets: Secrets, account_id: UUID, *, with_content: bool = False) -> str:
    """
    Name the account and the key that signs for it, so that a subscription whose row was lost is known again.

    One that brings content has another URL than one that does not, because neither becomes the other.
    """
    kind = " with content" if with_content else ""
    return f"{_webhook_url(settings)}?for={_digest_of(client_state_from(secrets, account_id) + kind)}"


def _digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


async def request_renewals(engine: Engine) -> None:
    """
    Have every subscription seen to that has lived half of its life, or is missing, or is not as it would be made now.

    Accounts are claimed before their jobs are sent: what a crash leaves unsent is claimed again minutes later. Many
    jobs of one moment are spread, so that neither we nor the provider feel a wave.
    """
    loop = asyncio.get_running_loop()
    ends, sent = loop.time() + ROUND_SECONDS, 0
    terms = terms_from(engine.settings, engine.secrets.current, await _certificate(engine))
    while loop.time() < ends:
        async with system_transaction(engine.pool) as conn:
            due = await claim_accounts_to_subscribe(
                conn,
                terms=terms,
                hold_seconds=CLAIM_SECONDS + sent / RENEWALS_PER_SECOND,
                most=CLAIMED_AT_ONCE,
            )
        await engine.jobs.send(
            Later(EnsureSubscription(account_id=account_id), delay_seconds=place // RENEWALS_PER_SECOND)
            for place, account_id in enumerate(due, start=sent)
        )
        sent += len(due)
        if len(due) < CLAIMED_AT_ONCE:
            break
    log.info("renewals asked for", extra={"accounts": sent})


async def ensure_subscription(engine: Engine, account: ConnectedAccount, job: EnsureSubscription) -> list[Later]:
    """
    Leave the account with one subscription that has about half of its life before it, and is as we make them now.

    Two jobs at once would leave a second one that nobody knows, so one of them ends; the timer makes good a job that
    died. A refusal that only a person can cure is shown to the owner and tried again ever more rarely; until then
    delta brings the account's mail.
    """
    lease_seconds = REQUESTS * engine.settings.page_lease_seconds
    async with user_transaction(engine.pool, account.user_id) as conn:
        if not await claim_subscribing(conn, account.user_id, account.id, lease_seconds):
            return []
    try:
        await _ensure(engine, account, renew_now=job.renew_now)
    except (SubscriptionRefused, SubscriptionExists, MailboxUnavailable) as exc:
        await _record_refusal(engine, account, exc)
    finally:
        async with user_transaction(engine.pool, account.user_id) as conn:
            await release_subscribing(conn, account.user_id, account.id)
    return []


async def _ensure(engine: Engine, account: ConnectedAccount, *, renew_now: bool) -> None:
    async with user_transaction(engine.pool, account.user_id) as conn:
        current = await get_subscription(conn, account.user_id, account.id)
    certificate = await _certificate(engine)
    terms = terms_from(engine.settings, engine.secrets.current, certificate)
    is_as_wanted = current is not None and current.terms == terms
    if current and is_as_wanted and not current.is_due and not renew_now:
        await _forget_refusals(engine, account)
        return
    provider = engine.provider_for(account, Urgency.LIVE)
    listed = await provider.list_subscriptions()
    url = _url_for(engine, account)
    kept = await _renew(provider, _candidates(url, listed, current if is_as_wanted else None), certificate)
    made = kept or await _subscribe(engine, account, provider, listed, certificate)
    if current is None or current.provider_subscription_id != made.provider_subscription_id:
        # Before the row is there: after a crash in between this is done again, and what was missed is not forgotten.
        catching_up = SyncChanges(account_id=account.id, is_thorough=True)
        wait_seconds = 0.0 if account.state is AccountState.LIVE else FIRST_SYNC_SECONDS
        await engine.jobs.send([Later(catching_up, delay_seconds=wait_seconds)])
    if not await _save(engine, account, made, terms):
        await provider.unsubscribe(made.provider_subscription_id)
        return
    known = current.provider_subscription_id if current else None
    record(RENEWALS, facts={"outcome": _outcome(known, kept)})
    await _end_others(engine.settings, provider, listed, made, known)


def _outcome(known: str | None, kept: ProviderSubscription | None) -> str:
    if kept is None:
        return "made"
    return "renewed" if kept.provider_subscription_id == known else "adopted"


def _url_for(engine: Engine, account: ConnectedAccount) -> str:
    return notification_url_from(
        engine.settings, engine.secrets.current, account.id, with_content=engine.certificates is not None
    )


async def _certificate(engine: Engine) -> Certificate | None:
    return await engine.certificates.current() if engine.certificates else None


def _candidates(url: str, listed: Sequence[ProviderSubscription], current: Subscription | None) -> list[str]:
    """Name the subscriptions that may be kept: the row's, then those whose rows a crash prevented."""
    ours = [one.provider_subscription_id for one in listed if one.notification_url == url]
    known = [current.provider_subscription_id] if current else []
    return [*known, *(one for one in ours if one not in known)]


async def _renew(
    provider: MailProvider, candidates: Sequence[str], certificate: Certificate | None
) -> ProviderSubscription | None:
    """Prolong the first that can be; None when there is none."""
    for subscription_id in candidates:
        try:
            return await provider.renew_subscription(subscription_id, certificate)
        except ProviderItemNotFound:
            log.info("subscription is gone", extra={"subscription_id": subscription_id})
    return None


async def _subscribe(
    engine: Engine,
    account: ConnectedAccount,
    provider: MailProvider,
    listed: Sequence[ProviderSubscription],
    certificate: Certificate | None,
) -> ProviderSubscription:
    """
    Subscribe. One that exists is in the way: those that can be kept were tried before.

    The provider permits one at a time, so nothing notifies us between its end and the new one; delta fills that gap.
    """
    try:
        return await _create(engine, account, provider, certificate)
    except SubscriptionExists as exc:
        named = [exc.provider_subscription_id] if exc.provider_subscription_id else []
        for subscription_id in named or [one.provider_subscription_id for one in listed]:
            await provider.unsubscribe(subscription_id)
    return await _create(engine, account, provider, certificate)


async def _create(
    engine: Engine, account: ConnectedAccount, provider: MailProvider, certificate: Certificate | None
) -> ProviderSubscription:
    return await provider.subscribe(
        notification_url=_url_for(engine, account),
        lifecycle_url=f"{_webhook_url(engine.settings)}/lifecycle",
        client_state=client_state_from(engine.secrets.current, account.id),
        certificate=certificate,
    )


async def _save(engine: Engine, account: ConnectedAccount, made: ProviderSubscription, terms: str) -> bool:
    """Keep it; return False when the account was disconnected meanwhile."""
    async with recorded_transaction(engine, account) as (conn, events):
        is_kept = await save_subscription(
            conn,
            account.user_id,
            account.id,
            provider_subscription_id=made.provider_subscription_id,
            expires_at=made.expires_at,
            terms=terms,
            share=random.uniform(*HALF_LIFE),  # noqa: S311 - spreads load, guards nothing
        )
        if is_kept and await clear_subscription_problem(conn, account.user_id, account.id):
            events.append(Event(ChangeKind.ACCOUNT_CHANGED, account.id))
        return is_kept


async def _forget_refusals(engine: Engine, account: ConnectedAccount) -> None:
    async with recorded_transaction(engine, account) as (conn, events):
        if await clear_subscription_problem(conn, account.user_id, account.id):
            events.append(Event(ChangeKind.ACCOUNT_CHANGED, account.id))


async def _record_refusal(engine: Engine, account: ConnectedAccount, refusal: ProviderError) -> None:
    log.warning("no subscription", extra={"account_id": str(account.id), "error_code": refusal.code}, exc_info=refusal)
    record(RENEWALS, facts={"outcome": "failed"})
    async with recorded_transaction(engine, account) as (conn, events):
        if await record_subscription_problem(
            conn,
            account.user_id,
            account.id,
            error_code=refusal.code,
            first_seconds=FIRST_RETRY_SECONDS,
            most_seconds=MOST_RETRY_SECONDS,
        ):
            events.append(Event(ChangeKind.ACCOUNT_CHANGED, account.id))


async def _end_others(
    settings: Settings,
    provider: MailProvider,
    listed: Sequence[ProviderSubscription],
    made: ProviderSubscription,
    known: str | None,
) -> None:
    """End what else calls us for this mailbox, of whatever key; other deployments' subscriptions are theirs."""
    for one in listed:
        is_ours = one.provider_subscription_id == known or _is_at(settings, one)
        if is_ours and one.provider_subscription_id != made.provider_subscription_id:
            await provider.unsubscribe(one.provider_subscription_id)


def _is_at(settings: Settings, subscription: ProviderSubscription) -> bool:
    return subscription.notification_url.partition("?")[0] == _webhook_url(settings)


async def end_subscriptions(engine: Engine, account: ConnectedAccount) -> None:
    """
    End a disconnected account's subscriptions, if the provider still lets us.

    Otherwise they end by themselves, and say nothing that we believe. What another account of the same mailbox has
    made since is left alone.
    """
    async with user_transaction(engine.pool, account.user_id) as conn:
        current = await get_subscription(conn, account.user_id, account.id)
    try:
        provider = engine.provider_for(account, Urgency.LIVE)
        listed = await provider.list_subscriptions()
        url = _url_for(engine, account)
        for subscription_id in _candidates(url, listed, current):
            await provider.unsubscribe(subscription_id)
    except ProviderError as exc:
        log.warning("subscription left to expire", extra={"account_id": str(account.id), "error_code": exc.code})
    async with user_transaction(engine.pool, account.user_id) as conn:
        await delete_subscription(conn, account.user_id, account.id)
