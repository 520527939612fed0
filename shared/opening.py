"""What a process opens once: connections, clients, and the engine that works with them."""

import gc
from dataclasses import dataclass
from functools import partial
from typing import Final

import httpx
from azure.data.tables.aio import TableServiceClient
from azure.storage.blob.aio import BlobServiceClient

from shared.auth.connections import Connector
from shared.auth.mailbox_tokens import MailboxTokens
from shared.identity import AppIdentity
from shared.job_queues import JobQueues
from shared.log_lines import show_facts
from shared.models.accounts import ConnectedAccount, Urgency
from shared.providers.aiohttp_transport import AiohttpTransport
from shared.providers.entra.sign_in import Entra
from shared.providers.entra.validation_tokens import ValidationTokens
from shared.providers.graph.mail import GraphMail
from shared.providers.notification_certificates import open_certificates
from shared.providers.protocol import MailProvider
from shared.push import Push, open_push
from shared.secrets import SecretSource
from shared.settings import Settings
from shared.storage.azure import open_blobs, open_queues, open_tables
from shared.storage.database import Pool, open_pool
from shared.storage.request_slots import RequestGate
from shared.sync.engine import Engine
from shared.telemetry import close_telemetry, open_telemetry
from shared.tls import ssl_context
from shared.vault import Vault, open_vault

OBJECTS_BEFORE_A_LOOK: Final = 50_000


@dataclass(frozen=True, slots=True)
class Runtime:
    settings: Settings
    secrets: SecretSource
    pool: Pool
    jobs: JobQueues
    tables: TableServiceClient
    blobs: BlobServiceClient
    http: httpx.AsyncClient
    push: Push
    connector: Connector
    engine: Engine
    validation_tokens: ValidationTokens
    vault: Vault | None
    identity: AppIdentity

    def provider_for(self, account: ConnectedAccount, urgency: Urgency) -> MailProvider:
        return self.engine.provider_for(account, urgency)


async def open_runtime(settings: Settings) -> Runtime:
    """Open everything for some settings; a process does this once, a test for itself."""
    show_facts()
    _leave_pages_to_reference_counts()
    open_telemetry(settings)
    identity = AppIdentity(settings)
    pool = await open_pool(settings, identity)
    jobs = JobQueues(open_queues(settings, identity))
    tls = ssl_context(settings)
    http = httpx.AsyncClient(transport=AiohttpTransport(tls), trust_env=False)
    push = open_push(settings)
    vault = open_vault(settings, identity)
    secrets = SecretSource(settings, vault)
    tables = open_tables(settings, identity)
    entra = Entra(settings, secrets, tls)
    tokens = MailboxTokens(secrets, pool, entra)
    gate = RequestGate(
        pool,
        in_flight=settings.graph_requests_in_flight,
        request_seconds=settings.graph_timeout_seconds,
        window_requests=settings.graph_requests_per_window,
    )

    def provider_for(account: ConnectedAccount, urgency: Urgency) -> MailProvider:
        return GraphMail(
            http,
            settings.graph_base_url,
            partial(gate.request, account, urgency),
            partial(tokens.access_token, account.id, account.user_id),
            timeout_seconds=settings.graph_timeout_seconds,
        )

    return Runtime(
        settings=settings,
        secrets=secrets,
        pool=pool,
        jobs=jobs,
        tables=tables,
        blobs=open_blobs(settings, identity),
        http=http,
        push=push,
        connector=Connector(settings, pool, tables, http, entra, tokens),
        engine=Engine(settings, secrets, pool, jobs, provider_for, push.announce, open_certificates(settings, vault)),
        validation_tokens=ValidationTokens(http, settings.microsoft_authority, settings.microsoft_client_id),
        vault=vault,
        identity=identity,
    )


def _leave_pages_to_reference_counts() -> None:
    """
    Look for cycles rarely: a page of messages is tens of thousands of objects without any.

    With Python's own thresholds a tenth of the time of reading a page went into looking at it again and again.
    """
    gc.collect()
    gc.freeze()  # what was imported lives as long as the process
    gc.set_threshold(OBJECTS_BEFORE_A_LOOK, 20, 50)


async def close_runtime(opened: Runtime) -> None:
    await opened.push.close()
    await opened.connector.entra.close()
    await opened.http.aclose()
    if opened.vault:
        await opened.vault.close()
    await opened.tables.close()
    await opened.blobs.close()
    await opened.jobs.close()
    await opened.pool.close()
    await opened.identity.close()
    close_telemetry()
