"""A mailbox at the simulator, connected and synced; windows of its audits hold some twenty messages."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from psycopg import AsyncConnection

from dev.graph_simulator.fixture import RunningSimulator, start_simulator
from shared.models.accounts import ConnectedAccount
from shared.storage.database import Pool
from tests.conftest import Database
from tests.integration.mirrored.following import follow, subscribe
from tests.integration.mirrored.mirror import Mirror
from tests.integration.mirrored.opening import open_mirror


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    with start_simulator() as running:
        yield running


@pytest.fixture
async def mirror(
    simulator: RunningSimulator, database: Database, pool: Pool, owner: AsyncConnection[Any], account: ConnectedAccount
) -> AsyncIterator[Mirror]:
    """An empty mailbox, connected."""
    async with open_mirror(simulator, database, pool, owner, account) as opened:
        yield opened


@pytest.fixture
async def mail(mirror: Mirror) -> Mirror:
    """Sixty messages in two folders, synced."""
    mirror.admin.make_synthetic(
        mirror.address, 60, folders=["inbox", "archive"], seed=5, start="2026-01-01", end="2026-02-01"
    )
    await mirror.sync()
    assert mirror.prove().holds
    mirror.doorstep.reset()
    return mirror


@pytest.fixture
async def visited(mail: Mirror) -> Mirror:
    """The same, with a subscription, and all folders visited since."""
    await subscribe(mail)
    await follow(mail)
    mail.doorstep.reset()
    return mail
