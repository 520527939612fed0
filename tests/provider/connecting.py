"""A person who connects a mailbox in a browser."""

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import httpx

from dev.graph_simulator.fixture import RunningSimulator
from shared.auth.connections import Connector, StartedConnection, finish_connection, start_connection
from shared.models.accounts import ConnectedAccount


@dataclass
class Browser:
    """Follows a sign-in at the simulator, and keeps the cookie that the API gave it."""

    simulator: RunningSimulator
    connector: Connector
    address: str
    cookie: str | None = None

    async def start(self, user_id: UUID) -> StartedConnection:
        started = await start_connection(self.connector, user_id)
        self.cookie = started.cookie.partition(";")[0]
        return started

    async def consent(self, started: StartedConnection) -> dict[str, str]:
        """Sign in and agree, as far as the simulator lets it; return the callback's query."""
        url = f"{started.authorization_url}&login_hint={self.address}"
        async with httpx.AsyncClient(verify=self.simulator.admin.tls, trust_env=False) as http:
            answer = await http.get(url)
        assert answer.status_code == 302, answer.text
        location = urlsplit(answer.headers["Location"])
        assert location.path == "/api/oauth/callback/outlook"
        return dict(parse_qsl(location.query))

    async def finish(self, answer: dict[str, str]) -> ConnectedAccount:
        return await finish_connection(self.connector, answer, self.cookie)

    async def connect(self, user_id: UUID) -> ConnectedAccount:
        return await self.finish(await self.consent(await self.start(user_id)))
