"""After a rotation of the token encryption keys: what older keys sealed is sealed with the newest."""

import logging
from typing import Final

from shared.encryption import Cipher, SealBroken, Sealed
from shared.errors import ProviderMisconfigured
from shared.jobs import Later
from shared.models.accounts import ConnectedAccount
from shared.models.jobs import ResealTokens
from shared.storage.account_tokens import StoredTokens, accounts_to_reseal, find_tokens, replace_tokens
from shared.storage.database import system_transaction, user_transaction
from shared.sync.engine import Engine

log = logging.getLogger(__name__)
CLAIMED_AT_ONCE: Final = 1_000


async def request_resealing(engine: Engine) -> None:
    """Have the tokens of the next accounts sealed with the newest key; the sweep asks for more, until none is left."""
    newest = next(iter(engine.secrets.current.token_encryption_keys))
    async with system_transaction(engine.pool) as conn:
        claimed = await accounts_to_reseal(conn, newest, CLAIMED_AT_ONCE)
    await engine.jobs.send(Later(ResealTokens(account_id=account_id)) for account_id in claimed)


async def reseal_tokens(engine: Engine, account: ConnectedAccount, job: ResealTokens) -> list[Later]:
    """
    Seal an account's tokens with the newest key, unless somebody saves others meanwhile.

    Raises ProviderMisconfigured when the key that sealed them is gone.
    """
    keys = engine.secrets.current.token_encryption_keys
    async with user_transaction(engine.pool, account.user_id) as conn:
        stored = await find_tokens(conn, account.user_id, account.id)
        if stored is None or stored.key_id == next(iter(keys)):
            return []
        cipher = Cipher(keys)
        try:
            tokens = cipher.open(Sealed(stored.key_id, stored.nonce, stored.ciphertext), account.id)
        except SealBroken as exc:
            raise ProviderMisconfigured(f"the tokens of account {account.id} cannot be opened: {exc}") from exc
        sealed = cipher.seal(tokens, account.id)
        anew = StoredTokens(sealed.key_id, sealed.nonce, sealed.ciphertext)
        await replace_tokens(conn, account.user_id, account.id, anew, instead_of=stored)
    log.info("tokens sealed anew", extra={"account_id": str(account.id), "key_id": sealed.key_id, "job": job.kind})
    return []
