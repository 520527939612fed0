"""Jobs that failed for good: of their owners, and of nobody where nobody understood them."""

import base64
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from shared.errors import NotFound
from shared.storage.database import Connection


@dataclass(frozen=True, slots=True)
class FailedMessage:
    """A queue message that failed for good, as operators see it."""

    id: UUID
    account_id: UUID | None  # None: nobody understood it
    queue: str
    job: dict[str, Any]  # {"text"} or {"base64"} where nobody understood it
    failed_at: datetime

    @property
    def body(self) -> bytes:
        """What to send to its queue to have it tried again."""
        if self.account_id is not None:
            return json.dumps(self.job).encode()
        if "base64" in self.job:
            return base64.b64decode(self.job["base64"])
        return str(self.job["text"]).encode()


async def record_failed_job(
    conn: Connection, user_id: UUID, *, job_id: UUID, account_id: UUID, queue: str, job: dict[str, object]
) -> None:
    sql = """
        INSERT INTO failed_job (id, user_id, account_id, queue, job)
        VALUES (%(id)s, %(user_id)s, %(account_id)s, %(queue)s, %(job)s)
        ON CONFLICT (id) DO NOTHING
    """
    params = {"id": job_id, "user_id": user_id, "account_id": account_id, "queue": queue, "job": Jsonb(job)}
    await conn.execute(sql, params)


async def record_unknown_job(conn: Connection, *, job_id: UUID, queue: str, body: bytes) -> None:
    """Keep a message that nobody here understands, whatever it holds."""
    sql = "SELECT record_unknown_job(%(id)s, %(queue)s, %(job)s)"
    await conn.execute(sql, {"id": job_id, "queue": queue, "job": Jsonb(_document_of(body))})


def _document_of(body: bytes) -> dict[str, str]:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = "\0"
    return {"base64": base64.b64encode(body).decode()} if "\0" in text else {"text": text}


async def list_failed_jobs(
    conn: Connection, limit: int, before: tuple[datetime, UUID] | None = None
) -> list[FailedMessage]:
    """List those of all users, newest first, from after the one that failed then and has that id."""
    sql = """
        SELECT id, account_id, queue, job, failed_at
          FROM failed_jobs_of_all(%(limit)s, %(before_at)s, %(before_id)s)
    """
    before_at, before_id = before or (None, None)
    async with conn.cursor(row_factory=class_row(FailedMessage)) as cur:
        await cur.execute(sql, {"limit": limit, "before_at": before_at, "before_id": before_id})
        return await cur.fetchall()


async def get_failed_job(conn: Connection, job_id: UUID) -> FailedMessage:
    """Raise NotFound when it is not there."""
    sql = "SELECT id, account_id, queue, job, failed_at FROM failed_job_of_any(%(id)s)"
    async with conn.cursor(row_factory=class_row(FailedMessage)) as cur:
        await cur.execute(sql, {"id": job_id})
        if found := await cur.fetchone():
            return found
    raise NotFound(f"failed job {job_id}")


async def drop_failed_job(conn: Connection, job_id: UUID) -> bool:
    """Forget one; return whether it was there."""
    row = await (await conn.execute("SELECT drop_failed_job_of_any(%(id)s)", {"id": job_id})).fetchone()
    return bool(row and row[0])
