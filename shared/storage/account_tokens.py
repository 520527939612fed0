"""What provider tokens are kept in: sealed, one row per account."""

from dataclasses import dataclass
from uuid import UUID

from psycopg.rows import class_row

from shared.storage.database import Connection


@dataclass(frozen=True, slots=True)
class StoredTokens:
    key_id: str
    nonce: bytes
    ciphertext: bytes


async def find_tokens(conn: Connection, user_id: UUID, account_id: UUID) -> StoredTokens | None:
    sql = """
        SELECT key_id, nonce, ciphertext
          FROM account_token
         WHERE account_id = %(account_id)s
           AND user_id = %(user_id)s
    """
    async with conn.cursor(row_factory=class_row(StoredTokens)) as cur:
        await cur.execute(sql, {"account_id": account_id, "user_id": user_id})
        return await cur.fetchone()


async def put_tokens(conn: Connection, user_id: UUID, account_id: UUID, tokens: StoredTokens) -> None:
    """Keep the tokens of an account that was just connected, instead of any before."""
    sql = """
        INSERT INTO account_token (account_id, user_id, key_id, nonce, ciphertext)
        VALUES (%(account_id)s, %(user_id)s, %(key_id)s, %(nonce)s, %(ciphertext)s)
        ON CONFLICT (account_id) DO UPDATE
           SET key_id = excluded.key_id,
               nonce = excluded.nonce,
               ciphertext = excluded.ciphertext,
               saved_at = clock_timestamp()
    """
    await conn.execute(sql, _parameters(user_id, account_id, tokens))


async def replace_tokens(
    conn: Connection, user_id: UUID, account_id: UUID, tokens: StoredTokens, *, instead_of: StoredTokens
) -> bool:
    """
    Keep renewed tokens, unless the account is gone or its tokens are no longer those that were renewed.

    Whoever came first keeps theirs: the owner may have signed in again meanwhile.
    """
    sql = """
        UPDATE account_token
           SET key_id = %(key_id)s,
               nonce = %(nonce)s,
               ciphertext = %(ciphertext)s,
               saved_at = clock_timestamp()
         WHERE account_id = %(account_id)s
           AND user_id = %(user_id)s
           AND nonce = %(nonce_read)s
    """
    params = {**_parameters(user_id, account_id, tokens), "nonce_read": instead_of.nonce}
    return (await conn.execute(sql, params)).rowcount == 1


async def accounts_to_reseal(conn: Connection, newest_key_id: str, most: int) -> list[UUID]:
    """Claim accounts, of all users, whose tokens another key than the newest has sealed; for ten minutes."""
    sql = "SELECT accounts_to_reseal(%(newest_key_id)s, %(most)s)"
    cursor = await conn.execute(sql, {"newest_key_id": newest_key_id, "most": most})
    return [row[0] for row in await cursor.fetchall()]


async def count_token_keys(conn: Connection) -> dict[str, int]:
    """Count the accounts of all users by the key that sealed their tokens."""
    return dict(await (await conn.execute("SELECT key_id, amount FROM token_key_figures()")).fetchall())


def _parameters(user_id: UUID, account_id: UUID, tokens: StoredTokens) -> dict[str, object]:
    return {
        "account_id": account_id,
        "user_id": user_id,
        "key_id": tokens.key_id,
        "nonce": tokens.nonce,
        "ciphertext": tokens.ciphertext,
    }
