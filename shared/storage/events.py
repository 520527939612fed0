"""The change log: one row per visible change, in an order that no reader can miss."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from shared.models.api import ChangeKind
from shared.storage.database import Connection


@dataclass(frozen=True, slots=True)
class Event:
    kind: ChangeKind
    account_id: UUID
    folder_id: UUID | None = None
    message_id: UUID | None = None
    data: dict[str, int | str | None] = field(default_factory=dict)


async def append_events(conn: Connection, user_id: UUID, events: Sequence[Event]) -> int | None:
    """
    Append to a user's change log as the last act of a transaction; return the newest position, None for no events.

    The user's counter stays locked until the commit, so positions become visible in order. Later statements in the
    same transaction would only lengthen that.
    """
    if not events:
        return None
    last = await _take_positions(conn, user_id, len(events))
    sql = """
        INSERT INTO event (user_id, position, account_id, kind, folder_id, message_id, data)
        SELECT %(user_id)s, new.position, new.account_id, new.kind, new.folder_id, new.message_id, new.data::jsonb
          FROM unnest(%(positions)b::bigint[], %(account_ids)b::uuid[], %(kinds)b::text[], %(folder_ids)b::uuid[],
                      %(message_ids)b::uuid[], %(data)b::text[])
            AS new (position, account_id, kind, folder_id, message_id, data)
    """
    await conn.execute(
        sql,
        {
            "user_id": user_id,
            "positions": list(range(last - len(events) + 1, last + 1)),
            "account_ids": [event.account_id for event in events],
            "kinds": [event.kind.value for event in events],
            "folder_ids": [event.folder_id for event in events],
            "message_ids": [event.message_id for event in events],
            "data": [json.dumps(event.data) for event in events],
        },
    )
    return last


async def _take_positions(conn: Connection, user_id: UUID, count: int) -> int:
    sql = """
        UPDATE app_user
           SET event_position = event_position + %(count)s
         WHERE id = %(user_id)s
        RETURNING event_position
    """
    row = await (await conn.execute(sql, {"user_id": user_id, "count": count})).fetchone()
    if row is None:
        raise LookupError(f"user {user_id} is gone")
    return int(row[0])
