"""Access tokens for connected mailboxes."""

import asyncio
import json
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from shared.encryption import Cipher, SealBroken, Sealed
from shared.errors import ProviderMisconfigured, ReauthenticationRequired
from shared.providers.entra.grants import MailboxGrant, Renewed
from shared.providers.entra.sign_in import Entra
from shared.providers.protocol import RefusedToken
from shared.secrets import SecretSource
from shared.storage.account_tokens import StoredTokens, find_tokens, put_tokens, replace_tokens
from shared.storage.database import Connection, Pool, user_transaction

log = logging.getLogger(__name__)

FRESH_FOR: Final = timedelta(minutes=5)
LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
MOST_KEPT: Final = 1_000


@dataclass(slots=True)
class _Kept:
    """What this process knows of an account's access token."""

    token: str | None = None
    expires_at: datetime = LONG_AGO
    renewing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def fresh_token(self, rejected: str | None) -> str | None:
        is_good = self.token != rejected and self.expires_at - datetime.now(UTC) > FRESH_FOR
        return self.token if is_good else None


class MailboxTokens:
    """
    Gives access tokens, from the process's memory while they are fresh, else renewed.

    However many ask at once, a process renews an account's token once. Two processes may do so at the same time: the
    older refresh token stays good, and one of the newer is kept.
    """

    def __init__(self, secrets: SecretSource, pool: Pool, entra: Entra) -> None:
        self._pool = pool
        self._entra = entra
        self._secrets = secrets
        self._kept: dict[UUID, _Kept] = {}

    async def access_token(self, account_id: UUID, user_id: UUID, rejected: str | None = None) -> str:
        """
        Give a token with some minutes to live, and not `rejected`, which the provider has just refused.

        Raises ReauthenticationRequired, MailboxUnavailable, ProviderMisconfigured or ProviderUnavailable.
        """
        kept = self._kept_of(account_id)
        if token := kept.fresh_token(rejected):
            return token
        async with kept.renewing:
            if token := kept.fresh_token(rejected):
                return token
            renewed = await self._renew(account_id, user_id, rejected)
            kept.token, kept.expires_at = renewed.access_token, renewed.expires_at
            return renewed.access_token

    async def keep(self, conn: Connection, account_id: UUID, user_id: UUID, grant: MailboxGrant) -> None:
        """Store what an owner has just granted, in the transaction that connects the mailbox."""
        await put_tokens(conn, user_id, account_id, self._sealed(grant, account_id))

    async def _renew(self, account_id: UUID, user_id: UUID, rejected: str | None) -> Renewed:
        async with user_transaction(self._pool, user_id) as conn:
            stored = await find_tokens(conn, user_id, account_id)
        if stored is None:
            raise ReauthenticationRequired(f"no tokens of account {account_id}")
        grant = self._opened(stored, account_id)
        renewed = await self._renewed(grant, rejected)
        log.info("access token renewed", extra={"account_id": str(account_id), "is_stored": bool(renewed.changed)})
        if renewed.changed:
            sealed = self._sealed(renewed.changed, account_id)
            async with user_transaction(self._pool, user_id) as conn:
                await replace_tokens(conn, user_id, account_id, sealed, instead_of=stored)
        return renewed

    async def _renewed(self, grant: MailboxGrant, rejected: str | None) -> Renewed:
        """Renew; by the claims of the provider's challenge if that is why it rejected the old token."""
        if claims := rejected.claims if isinstance(rejected, RefusedToken) else None:
            try:
                return await self._entra.renew(grant, is_forced=True, claims=claims)
            except ReauthenticationRequired as exc:
                exc.claims = exc.claims or claims
                raise
        renewed = await self._entra.renew(grant, is_forced=False)
        if renewed.access_token == rejected:
            renewed = await self._entra.renew(grant, is_forced=True)
        return renewed

    def _sealed(self, grant: MailboxGrant, account_id: UUID) -> StoredTokens:
        document = {"tenant_id": grant.tenant_id, "scopes": list(grant.scopes), "cache": grant.cache}
        sealed = self._cipher().seal(json.dumps(document).encode(), account_id)
        return StoredTokens(sealed.key_id, sealed.nonce, sealed.ciphertext)

    def _opened(self, stored: StoredTokens, account_id: UUID) -> MailboxGrant:
        try:
            sealed = Sealed(stored.key_id, stored.nonce, stored.ciphertext)
            document = json.loads(self._cipher().open(sealed, account_id))
        except SealBroken as exc:
            raise ProviderMisconfigured(f"the tokens of account {account_id} cannot be opened: {exc}") from exc
        return MailboxGrant(**document)

    def _cipher(self) -> Cipher:
        return Cipher(self._secrets.current.token_encryption_keys)

    def _kept_of(self, account_id: UUID) -> _Kept:
        if account_id not in self._kept and len(self._kept) >= MOST_KEPT:
            now = datetime.now(UTC)
            self._kept = {
                one: kept for one, kept in self._kept.items() if kept.expires_at > now or kept.renewing.locked()
            }
        return self._kept.setdefault(account_id, _Kept())
