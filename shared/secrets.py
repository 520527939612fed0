"""What the product signs and encrypts with: given in the settings, or kept in Key Vault, where it may be rotated."""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeVar

from shared.errors import MailError, ProviderMisconfigured, ServiceUnavailable
from shared.settings import IN_VAULT_UNLESS_SET, WEBHOOK_KEY_CHARACTERS, Settings, keyring_from

if TYPE_CHECKING:
    from shared.vault import SecretVersion, Vault

log = logging.getLogger(__name__)
ASK_AGAIN_SECONDS: Final = 10.0
CLOCK_SECONDS: Final = 60.0  # by which the vault's clock and ours may differ

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, repr=False)
class Secrets:
    """Of a keyring the first key signs or encrypts, and all verify or decrypt; so it is with the webhook keys."""

    jwt_signing_keys: Mapping[str, bytes]
    token_encryption_keys: Mapping[str, bytes]
    audit_signing_keys: Mapping[str, bytes]  # seeds of Ed25519 keys
    webhook_keys: Sequence[str]
    microsoft_client_secret: str


class SecretSource:
    """
    What the secrets are now. Those that the settings leave out are read from the vault, and read again when they age.

    A new key verifies at once, but signs or encrypts only when it has been in the vault for so long that every process
    has read it: what one process signs, no other refuses. If the key before it was taken away, it signs at once. While
    the vault does not answer, what is known goes on.
    """

    def __init__(self, settings: Settings, vault: "Vault | None", clock: Callable[[], float] = time.monotonic) -> None:
        """Take a clock of seconds."""
        self._settings, self._vault, self._clock = settings, vault, clock
        self._missing = [name for name in IN_VAULT_UNLESS_SET if getattr(settings, name) is None]
        self._loading = asyncio.Lock()
        self._loaded_at = self._asked_at = -math.inf
        self._current = None if self._missing else self._with({})

    @property
    def current(self) -> Secrets:
        """Raise ServiceUnavailable as long as the vault has not given them."""
        if self._current is None:
            raise ServiceUnavailable("Key Vault has not given the secrets yet")
        return self._current

    async def refresh(self) -> None:
        """Read again what is due. Never fails, and nobody who has secrets waits for somebody else's reading."""
        if not self._is_due() or (self._current and self._loading.locked()):
            return
        async with self._loading:
            if self._is_due():
                self._asked_at = self._clock()
                await self._load()

    def _is_due(self) -> bool:
        now, kept_seconds = self._clock(), self._settings.key_vault_secret_seconds
        is_aged = bool(self._missing) and now - self._loaded_at >= kept_seconds
        return is_aged and now - self._asked_at >= ASK_AGAIN_SECONDS

    async def _load(self) -> None:
        if self._vault is None:
            raise ValueError("secrets that are not set need KEY_VAULT_URL")
        try:
            async with asyncio.TaskGroup() as reading:
                tasks = {name: reading.create_task(self._vault.versions(vault_name(name))) for name in self._missing}
            self._current = self._with({name: task.result() for name, task in tasks.items()})
            self._loaded_at = self._clock()
        except* MailError:
            log.exception("secrets are not read from Key Vault", extra={"are_known": self._current is not None})

    def _with(self, in_vault: "Mapping[str, Sequence[SecretVersion]]") -> Secrets:
        given = self._settings
        return Secrets(
            jwt_signing_keys=given.jwt_signing_keys or self._ring(in_vault, "jwt_signing_keys"),
            token_encryption_keys=given.token_encryption_keys or self._ring(in_vault, "token_encryption_keys"),
            audit_signing_keys=given.audit_signing_keys or self._ring(in_vault, "audit_signing_keys"),
            webhook_keys=(given.webhook_key.get_secret_value(),)
            if given.webhook_key
            else self._in_turn(_readable(in_vault, "webhook_key", _webhook_key_from)),
            microsoft_client_secret=given.microsoft_client_secret.get_secret_value()
            if given.microsoft_client_secret
            else _readable(in_vault, "microsoft_client_secret", str)[0][1],
        )

    def _ring(self, in_vault: "Mapping[str, Sequence[SecretVersion]]", name: str) -> Mapping[str, bytes]:
        rings = _readable(in_vault, name, keyring_from)
        newest = rings[0][1]
        first = next(iter(self._in_turn(rings)[0]))
        return {first: newest[first], **newest} if first in newest else newest

    def _in_turn(self, versions: "Sequence[tuple[SecretVersion, Value]]") -> list[Value]:
        """Put that first which every process knows: the newest that is old enough, or else the oldest there is."""
        known_after = timedelta(seconds=self._settings.key_vault_secret_seconds + CLOCK_SECONDS)
        latest = datetime.now(UTC) - known_after
        places = range(len(versions))
        known = next((place for place in places if versions[place][0].created_at <= latest), places[-1])
        return [versions[known][1], *(versions[place][1] for place in places if place != known)]


def vault_name(name: str) -> str:
    """Name a setting as Key Vault can: jwt_signing_keys is jwt-signing-keys there."""
    return name.replace("_", "-")


def _readable(
    in_vault: "Mapping[str, Sequence[SecretVersion]]", name: str, read: Callable[[str], Value]
) -> "list[tuple[SecretVersion, Value]]":
    """Read a secret's versions, newest first; those that are valid now, if any is. Raises ProviderMisconfigured."""
    valid = [version for version in in_vault[name] if version.is_valid_now] or in_vault[name]
    values = []
    for version in valid:
        try:
            values.append((version, read(version.value)))
        except ValueError as exc:
            facts = {"secret": vault_name(name), "version": version.id, "reason": type(exc).__name__}
            log.error("a version of a secret is passed over", extra=facts)  # noqa: TRY400 - its text may quote the secret
    if not values:
        raise ProviderMisconfigured(f"Key Vault's {vault_name(name)} has no version that can be read")
    return values


def _webhook_key_from(text: str) -> str:
    if len(text) < WEBHOOK_KEY_CHARACTERS:
        raise ValueError(f"a webhook key needs {WEBHOOK_KEY_CHARACTERS} characters")
    return text
