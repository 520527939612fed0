"""Connecting a mailbox: out to the provider's sign-in, and back."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

import httpx
from azure.data.tables.aio import TableServiceClient

from shared.auth.browser_binding import LIFETIME, cookie_for, hash_of, is_same_browser, new_secret
from shared.auth.mailbox_tokens import MailboxTokens
from shared.errors import (
    AdminConsentRequired,
    Conflict,
    Forbidden,
    MailboxTaken,
    MailboxUnavailable,
    ProviderMisconfigured,
    ProviderUnavailable,
    ReauthenticationRequired,
)
from shared.models.accounts import ConnectedAccount
from shared.models.api import ChangeKind
from shared.models.mail import ProviderProfile
from shared.providers.entra.errors import ConsentDenied
from shared.providers.entra.grants import Grant, Identity
from shared.providers.entra.sign_in import Entra
from shared.providers.graph.profile import Person, read_person
from shared.settings import Settings
from shared.storage.accounts import connect_mailbox, wanted_claims
from shared.storage.database import Pool, user_transaction
from shared.storage.events import Event, append_events
from shared.storage.oauth_flows import StoredFlow, put_flow, take_flow

log = logging.getLogger(__name__)

OUTLOOK: Final = "outlook"
READING_SCOPES: Final = frozenset(("Mail.Read", "Mail.ReadWrite"))


class ConnectionFailure(StrEnum):
    """Why a mailbox could not be connected, as the page is told."""

    DENIED = "denied"  # the person said no
    CONSENT_REQUIRED = "consent_required"  # an administrator must agree first
    EXPIRED = "expired"  # too late, or finished before: start again
    OTHER_BROWSER = "other_browser"  # finish where it was started
    PERMISSIONS_MISSING = "permissions_missing"  # signed in, but without leave to read mail
    MAILBOX_TAKEN = "mailbox_taken"  # another user here has connected it
    MAILBOX_UNAVAILABLE = "mailbox_unavailable"
    PROVIDER_UNAVAILABLE = "provider_unavailable"  # try again later
    PROVIDER_MISCONFIGURED = "provider_misconfigured"  # an operator must act
    FAILED = "failed"


class FlowUnknown(Conflict):
    """Nobody started this sign-in, or it is over, or its ten minutes are."""


class OtherBrowser(Forbidden):
    """Another browser than the one that started it brings the answer."""


class PermissionsMissing(Forbidden):
    """Consent was given to less than mirroring needs."""


FAILURE_BY_ERROR: Final[Mapping[type[Exception], ConnectionFailure]] = {
    ConsentDenied: ConnectionFailure.DENIED,
    AdminConsentRequired: ConnectionFailure.CONSENT_REQUIRED,
    FlowUnknown: ConnectionFailure.EXPIRED,
    ReauthenticationRequired: ConnectionFailure.EXPIRED,  # the code is no longer good
    OtherBrowser: ConnectionFailure.OTHER_BROWSER,
    PermissionsMissing: ConnectionFailure.PERMISSIONS_MISSING,
    MailboxTaken: ConnectionFailure.MAILBOX_TAKEN,
    MailboxUnavailable: ConnectionFailure.MAILBOX_UNAVAILABLE,
    ProviderUnavailable: ConnectionFailure.PROVIDER_UNAVAILABLE,
    ProviderMisconfigured: ConnectionFailure.PROVIDER_MISCONFIGURED,
}


@dataclass(frozen=True, slots=True)
class Connector:
    """What connecting works with."""

    settings: Settings
    pool: Pool
    tables: TableServiceClient
    http: httpx.AsyncClient
    entra: Entra
    tokens: MailboxTokens


@dataclass(frozen=True, slots=True)
class StartedConnection:
    """Send the browser to `authorization_url`, and give it `cookie`, a Set-Cookie header."""

    authorization_url: str
    cookie: str


async def start_connection(connector: Connector, user_id: UUID) -> StartedConnection:
    """
    Prepare a sign-in for a user, which ends in the browser that asked, within ten minutes, once.

    What the provider of a mailbox that waits for its owner wants to see proved is asked for.
    """
    async with user_transaction(connector.pool, user_id) as conn:
        claims = await wanted_claims(conn, user_id)
    flow = await connector.entra.start_flow(claims)
    browser_secret = new_secret()
    expires_at = datetime.now(UTC) + LIFETIME
    stored = StoredFlow(user_id, hash_of(browser_secret), flow.secret, expires_at)
    await put_flow(connector.tables, flow.state, stored)
    return StartedConnection(flow.authorization_url, cookie_for(connector.settings, flow.state, browser_secret))


async def finish_connection(
    connector: Connector, answer: Mapping[str, str], cookie_header: str | None
) -> ConnectedAccount:
    """
    Turn what the browser brought back into a connected account, whose first sync is then to be requested.

    The same mailbox connected again by the same user is the same account, with new tokens. `answer` is the callback's
    query; nothing in it is believed before the flow is found by its state and the id token is verified. Raises what
    `FAILURE_BY_ERROR` lists, and ProviderRejected when the id token does not hold.
    """
    state = answer.get("state", "")
    flow = await take_flow(connector.tables, state) if state else None
    if flow is None:
        raise FlowUnknown("no such sign-in is open")
    if not is_same_browser(cookie_header, state, flow.browser_hash):
        raise OtherBrowser("the sign-in was started elsewhere")
    grant = await connector.entra.redeem(flow.secret, answer)
    if READING_SCOPES.isdisjoint(grant.mailbox.scopes):
        raise PermissionsMissing(f"granted: {', '.join(grant.mailbox.scopes) or 'nothing that lasts'}")
    settings = connector.settings
    person = await read_person(
        connector.http, settings.graph_base_url, grant.access_token, timeout_seconds=settings.graph_timeout_seconds
    )
    return await _save(connector, flow.user_id, _profile_from(grant.identity, person), grant)


async def _save(connector: Connector, user_id: UUID, profile: ProviderProfile, grant: Grant) -> ConnectedAccount:
    async with user_transaction(connector.pool, user_id) as conn:
        account = await connect_mailbox(conn, user_id, OUTLOOK, profile)
        await connector.tokens.keep(conn, account.id, user_id, grant.mailbox)
        await append_events(conn, user_id, [Event(ChangeKind.ACCOUNT_CHANGED, account.id)])
    log.info("mailbox connected", extra={"account_id": str(account.id), "user_id": str(user_id)})
    return account


def _profile_from(identity: Identity, person: Person) -> ProviderProfile:
    """Identify by the verified token alone; what Graph tells is for showing."""
    return ProviderProfile(
        tenant_id=identity.tenant_id,
        user_id=identity.user_id,
        address=person.address or identity.username,
        display_name=person.display_name or identity.display_name,
    )


def failure_from(error: Exception) -> ConnectionFailure:
    known = (FAILURE_BY_ERROR[base] for base in type(error).__mro__ if base in FAILURE_BY_ERROR)
    return next(known, ConnectionFailure.FAILED)


def connected_url(settings: Settings, account: ConnectedAccount) -> str:
    return f"{settings.web_base_url}/connected?account={account.id}"


def failed_url(settings: Settings, failure: ConnectionFailure) -> str:
    return f"{settings.web_base_url}/connected?error={failure}"
