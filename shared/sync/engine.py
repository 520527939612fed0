"""What the sync engine's use cases work with."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from uuid import UUID

from shared.models.accounts import ConnectedAccount, Urgency
from shared.models.api import AccountState
from shared.providers.notification_certificates import NotificationCertificates
from shared.providers.protocol import MailProvider
from shared.secrets import SecretSource
from shared.settings import Settings
from shared.storage.accounts import get_account, owner_of_account
from shared.storage.database import Connection, Pool, system_transaction, user_transaction
from shared.storage.events import Event, append_events
from shared.sync.crowd import Crowd
from shared.telemetry import Kind, span

if TYPE_CHECKING:
    from shared.job_queues import JobQueues

MOST_OWNERS: Final = 10_000
WORKING_STATES = (AccountState.CONNECTING, AccountState.SYNCING, AccountState.LIVE)


@dataclass(frozen=True, slots=True)
class Engine:
    settings: Settings
    secrets: SecretSource
    pool: Pool
    jobs: "JobQueues"
    provider_for: Callable[[ConnectedAccount, Urgency], MailProvider]
    announce: Callable[[UUID, int], Awaitable[None]]
    """Tell a user's open pages that the change log reached a position. A hint: it may be lost, and never fails."""
    certificates: NotificationCertificates | None = None  # None: notifications only name messages
    crowd: Crowd = field(default_factory=Crowd)
    owners: dict[UUID, UUID] = field(default_factory=dict)  # of accounts, which keep theirs for life


async def load_account(engine: Engine, account_id: UUID) -> ConnectedAccount:
    """Look an account up by its id alone. Raises NotFound when it is gone."""
    user_id = engine.owners.get(account_id)
    if user_id is None:
        async with system_transaction(engine.pool) as conn:
            user_id = await owner_of_account(conn, account_id)
        if len(engine.owners) >= MOST_OWNERS:
            engine.owners.clear()
        engine.owners[account_id] = user_id
    async with user_transaction(engine.pool, user_id) as conn:
        return await get_account(conn, user_id, account_id)


@asynccontextmanager
async def recorded_transaction(
    engine: Engine, account: ConnectedAccount
) -> AsyncIterator[tuple[Connection, list[Event]]]:
    """
    Open a transaction on the account's rows whose changes users are told of.

    Events that the block adds to the list go to the change log as the transaction's last act; after the commit they
    are announced.
    """
    events: list[Event] = []
    with span("save", facts={"mail.account_id": str(account.id)}) as saving:
        async with user_transaction(engine.pool, account.user_id, plans="force_generic_plan") as conn:
            yield conn, events
            position = await append_events(conn, account.user_id, events)
        saving.note({"mail.rows": len(events)})
    if position is not None:
        with span("announce", Kind.PRODUCER, {"mail.position": position}):
            await engine.announce(account.user_id, position)
