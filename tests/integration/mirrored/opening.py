"""Connecting a mailbox at the simulator, without a host."""

import base64
import itertools
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import httpx
from psycopg import AsyncConnection

from dev.graph_simulator.fixture import RunningSimulator
from dev.graph_simulator.sign_in import sign_in
from shared.errors import ReauthenticationRequired
from shared.models.accounts import ConnectedAccount, Urgency
from shared.providers.graph.mail import GraphMail
from shared.secrets import SecretSource
from shared.settings import Settings
from shared.storage.database import Pool
from shared.storage.request_slots import RequestGate
from shared.sync.engine import Engine
from tests.conftest import Database
from tests.integration.mirrored.mirror import Doorstep, KeptJobs, Mirror

_numbers = itertools.count(1)


@asynccontextmanager
async def open_mirror(
    simulator: RunningSimulator, database: Database, pool: Pool, owner: AsyncConnection[Any], account: ConnectedAccount
) -> AsyncIterator[Mirror]:
    """Give an account an empty mailbox of its own."""
    address = f"mirrored{next(_numbers)}@contoso.example"
    simulator.admin.create_user(address)
    await owner.execute("UPDATE account SET address = %s WHERE id = %s", [address, account.id])
    token = sign_in(simulator, address).access_token
    doorstep = Doorstep()
    gate = RequestGate(pool, in_flight=4, request_seconds=20)
    settings = _settings(simulator, database)

    async def access_token(refused: str | None) -> str:
        if refused is not None:
            raise ReauthenticationRequired("revoked")
        return token

    async with httpx.AsyncClient(verify=simulator.admin.tls, trust_env=False) as http:

        def provider_for(account: ConnectedAccount, urgency: Urgency) -> GraphMail:
            entered = partial(gate.request, account, urgency)
            return GraphMail(
                http, settings.graph_base_url, lambda: doorstep.passed(entered()), access_token, timeout_seconds=20
            )

        async def announce(*_: object) -> None: ...

        jobs = KeptJobs()
        engine = Engine(settings, SecretSource(settings, None), pool, jobs, provider_for, announce)
        yield Mirror(engine, jobs, account, address, simulator.admin, doorstep, owner, database.owner_url)
    simulator.admin.clear_faults()


def _settings(simulator: RunningSimulator, database: Database) -> Settings:
    def ring() -> dict[str, str]:
        return {"first": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()}

    return Settings.model_validate(
        {
            "database_url": database.app_url,
            "graph_base_url": simulator.graph_base_url,
            "microsoft_client_id": simulator.client_id,
            "microsoft_client_secret": simulator.client_secret,
            "public_base_url": "http://127.0.0.1:7071",
            "web_base_url": "http://127.0.0.1:5173",
            "jwt_signing_keys": ring(),
            "token_encryption_keys": ring(),
            "audit_signing_keys": ring(),
            "webhook_key": secrets.token_urlsafe(32),
            "audit_window_messages": 20,
        }
    )
