"""Jobs that failed for good."""

from uuid import UUID

from psycopg.types.json import Jsonb

from shared.storage.database import Connection


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
