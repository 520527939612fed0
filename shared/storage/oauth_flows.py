"""Sign-ins on their way, in a table of the storage account: each is taken out once, within ten minutes."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.data.tables.aio import TableClient, TableServiceClient

TABLE: Final = "oauthflows"


@dataclass(frozen=True, slots=True)
class StoredFlow:
    user_id: UUID
    browser_hash: str  # of what the browser that started it can show
    secret: Mapping[str, Any]
    expires_at: datetime


async def put_flow(tables: TableServiceClient, state: str, flow: StoredFlow) -> None:
    """Keep a flow under its state, of which only a hash is stored."""
    entity = {
        **_key_of(state),
        "UserId": flow.user_id,
        "BrowserHash": flow.browser_hash,
        "Secret": json.dumps(dict(flow.secret)),
        "ExpiresAt": flow.expires_at,
    }
    client = tables.get_table_client(TABLE)
    try:
        await client.create_entity(entity)
    except ResourceNotFoundError:
        await _create_table(client)
        await client.create_entity(entity)


async def take_flow(tables: TableServiceClient, state: str) -> StoredFlow | None:
    """
    Take a flow out, so that nobody takes it again; None when it is not there, or past its time.

    Of those who ask at once one gets it: who marks the version that was read. The deletion alone would not tell, since
    the client takes "not found" for done.
    """
    client, key = tables.get_table_client(TABLE), _key_of(state)
    try:
        entity = await client.get_entity(key["PartitionKey"], key["RowKey"])
        if entity.get("IsTaken"):
            return None
        await client.update_entity(
            {**key, "IsTaken": True},
            etag=entity.metadata["etag"],
            match_condition=MatchConditions.IfNotModified,
        )
    except (ResourceNotFoundError, ResourceModifiedError):
        return None
    await client.delete_entity(key["PartitionKey"], key["RowKey"])
    return _live_flow_from(entity)


def _live_flow_from(entity: Mapping[str, Any]) -> StoredFlow | None:
    flow = StoredFlow(
        user_id=UUID(str(entity["UserId"])),
        browser_hash=entity["BrowserHash"],
        secret=json.loads(entity["Secret"]),
        expires_at=entity["ExpiresAt"],
    )
    return flow if flow.expires_at > datetime.now(UTC) else None


async def delete_expired_flows(tables: TableServiceClient) -> int:
    """Delete the flows that nobody finished; return how many."""
    client = tables.get_table_client(TABLE)
    expired = client.query_entities(
        "ExpiresAt lt @now", parameters={"now": datetime.now(UTC)}, select=["PartitionKey", "RowKey"]
    )
    deleted = 0
    try:
        async for entity in expired:
            await client.delete_entity(entity)
            deleted += 1
    except ResourceNotFoundError:  # no sign-in was ever started
        return deleted
    return deleted


def _key_of(state: str) -> dict[str, str]:
    digest = hashlib.sha256(state.encode(errors="surrogatepass")).hexdigest()
    return {"PartitionKey": digest[:2], "RowKey": digest}


async def _create_table(client: TableClient) -> None:
    try:
        await client.create_table()
    except ResourceExistsError:
        return
