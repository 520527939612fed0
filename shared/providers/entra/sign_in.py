"""Signing in with Microsoft, and keeping the right to a mailbox alive."""

import asyncio
import ssl
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from shared.errors import ProviderUnavailable
from shared.providers.entra.grants import Flow, Grant, MailboxGrant, Renewed
from shared.secrets import SecretSource
from shared.settings import Settings

if TYPE_CHECKING:
    from shared.providers.entra.blocking import BlockingEntra

Result = TypeVar("Result")


class Entra:
    """
    Entra, for our registration.

    Every method may raise `ProviderUnavailable`, `ProviderMisconfigured` or `ProviderRejected`. Tokens are asked for
    that react at once to an administrator's measures (continuous access evaluation): they live for a day, and Graph may
    refuse them any time with a challenge, whose `claims` go into the next request for a token or a sign-in.
    """

    def __init__(self, settings: Settings, secrets: SecretSource, tls: ssl.SSLContext) -> None:
        self._settings = settings
        self._secrets = secrets
        self._tls = tls
        self._opening = threading.Lock()
        self._opened: BlockingEntra | None = None

    async def close(self) -> None:
        if self._opened:
            await asyncio.to_thread(self._opened.close)

    async def start_flow(self, claims: str | None = None) -> Flow:
        """Prepare a sign-in, with PKCE, state and nonce, and with the claims of a challenge."""
        return await self._in_thread(lambda entra: entra.start_flow(claims))

    async def redeem(self, secret: Mapping[str, Any], answer: Mapping[str, str]) -> Grant:
        """
        Finish the sign-in of a flow with what the browser brought back, and verify who it was.

        Raises `ConsentDenied` or `AdminConsentRequired`, and `ReauthenticationRequired` when the code is no longer
        good.
        """
        return await self._in_thread(lambda entra: entra.redeem(secret, answer))

    async def renew(self, grant: MailboxGrant, *, is_forced: bool, claims: str | None = None) -> Renewed:
        """
        Give an access token with at least five minutes to live; a new one if `is_forced` or if it is to prove `claims`.

        Raises `ReauthenticationRequired` when the owner must sign in again, `MailboxUnavailable` when that would not
        help.
        """
        return await self._in_thread(lambda entra: entra.renew(grant, is_forced=is_forced, claims=claims))

    async def _in_thread(self, work: "Callable[[BlockingEntra], Result]") -> Result:
        return await asyncio.to_thread(self._run, work)

    def _run(self, work: "Callable[[BlockingEntra], Result]") -> Result:
        from requests import RequestException  # noqa: PLC0415 - as in _blocking

        try:
            return work(self._blocking())
        except RequestException as exc:
            raise ProviderUnavailable(f"{type(exc).__name__} on the way to the sign-in service") from exc

    def _blocking(self) -> "BlockingEntra":
        from shared.providers.entra.blocking import BlockingEntra  # noqa: PLC0415 - MSAL takes long to import

        with self._opening:
            self._opened = self._opened or BlockingEntra(self._settings, self._secrets, self._tls)
        return self._opened
