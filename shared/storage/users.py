"""Users: who signs in here."""

from uuid import UUID

from psycopg.errors import UniqueViolation
from psycopg.rows import class_row

from shared.errors import EmailTaken, NotFound
from shared.models.api import User
from shared.storage.database import Connection


async def insert_user(conn: Connection, user_id: UUID, *, email: str, name: str, password_hash: str) -> None:
    """Raise EmailTaken when the address is known in any case of its letters; the transaction is lost then."""
    sql = """
        INSERT INTO app_user (id, email, name, password_hash)
        VALUES (%(user_id)s, %(email)s, %(name)s, %(password_hash)s)
    """
    params = {"user_id": user_id, "email": email, "name": name, "password_hash": password_hash}
    try:
        await conn.execute(sql, params)
    except UniqueViolation as exc:
        raise EmailTaken("a user has this address") from exc


async def get_user(conn: Connection, user_id: UUID) -> User:
    sql = """
        SELECT id, email, name, created_at
          FROM app_user
         WHERE id = %(user_id)s
    """
    async with conn.cursor(row_factory=class_row(User)) as cur:
        await cur.execute(sql, {"user_id": user_id})
        if user := await cur.fetchone():
            return user
    raise NotFound(f"user {user_id}")


async def change_name(conn: Connection, user_id: UUID, name: str) -> None:
    sql = "UPDATE app_user SET name = %(name)s WHERE id = %(user_id)s"
    await conn.execute(sql, {"user_id": user_id, "name": name})


async def user_for_login(conn: Connection, email: str) -> tuple[UUID, str] | None:
    """Find a user's id and password hash by address, whatever the case of its letters."""
    sql = "SELECT id, password_hash FROM user_for_login(%(email)s)"
    row = await (await conn.execute(sql, {"email": email})).fetchone()
    return (row[0], row[1]) if row else None


async def replace_password_hash(conn: Connection, user_id: UUID, *, old: str, new: str) -> None:
    """Replace a hash, unless the password was changed since `old` was read."""
    sql = """
        UPDATE app_user
           SET password_hash = %(new)s
         WHERE id = %(user_id)s
           AND password_hash = %(old)s
    """
    await conn.execute(sql, {"user_id": user_id, "old": old, "new": new})
