"""The certificates with which a provider encrypts notifications for us, and the keys that decrypt them."""

import asyncio
import base64
import logging
import math
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from shared.errors import ProviderMisconfigured, ProviderRejected, ServiceUnavailable
from shared.providers.protocol import Certificate
from shared.settings import Settings

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from shared.vault import SecretVersion, Vault


log = logging.getLogger(__name__)
KEPT_SECONDS: Final = 600.0
ASK_AGAIN_SECONDS: Final = 60.0
PAUSE_SECONDS: Final = 10.0
PKCS12: Final = "application/x-pkcs12"


class NotificationCertificates:
    """A ring of certificates: the first is published, all decrypt. To rotate, a new one goes in front."""

    def __init__(self, ring: Mapping[str, str]) -> None:
        """Take PEM by id, of a private key and its certificate, in order."""
        self._ring = ring

    async def current(self) -> Certificate:
        """Raise ProviderMisconfigured when there is none, or it cannot be read."""
        ring = await self._ring_with(None)
        if not ring:
            raise ProviderMisconfigured("there is no certificate for notifications")
        certificate_id, pem = next(iter(ring.items()))
        _private_key(pem)  # what nobody could decrypt is not published
        return Certificate(certificate_id, _encoded(pem))

    async def private_key(self, certificate_id: str) -> "RSAPrivateKey":
        """Raise ProviderRejected for a certificate that is not, or no longer, in the ring."""
        ring = await self._ring_with(certificate_id)
        if certificate_id not in ring:
            raise ProviderRejected("encrypted for a certificate that we do not have")
        return _private_key(ring[certificate_id])

    async def _ring_with(self, certificate_id: str | None) -> Mapping[str, str]:  # noqa: ARG002 - for a ring that changes
        return self._ring


class VaultCertificates(NotificationCertificates):
    """
    The enabled versions of a certificate in Key Vault: the newest that is whole and valid is published, all decrypt.

    One that is no longer valid is better than none. They are kept for ten minutes, and asked for again within a minute
    when one is named that is not among them. While the vault does not answer, those that are known go on; without any,
    ServiceUnavailable is raised, and for ten seconds at once, so that jobs do not wait for the vault one after another.
    """

    def __init__(self, vault: "Vault", name: str, clock: Callable[[], float] = time.monotonic) -> None:
        """Take a clock of seconds."""
        super().__init__({})
        self._vault, self._name, self._clock = vault, name, clock
        self._loading = asyncio.Lock()
        self._loaded_at = self._asked_at = -math.inf

    async def _ring_with(self, certificate_id: str | None) -> Mapping[str, str]:
        async with self._loading:
            if self._is_due(certificate_id):
                self._asked_at = self._clock()
                await self._load()
            elif self._loaded_at == -math.inf:
                raise ServiceUnavailable("Key Vault did not answer a moment ago")
            return self._ring

    def _is_due(self, certificate_id: str | None) -> bool:
        now = self._clock()
        if self._loaded_at == -math.inf:
            return now - self._asked_at >= PAUSE_SECONDS
        is_unknown = certificate_id is not None and certificate_id not in self._ring
        return (is_unknown or now - self._loaded_at >= KEPT_SECONDS) and now - self._asked_at >= ASK_AGAIN_SECONDS

    async def _load(self) -> None:
        try:
            versions = await self._vault.versions(self._name)
        except (ServiceUnavailable, ProviderMisconfigured):
            if not self._ring:
                raise
            log.warning("certificates for notifications are not refreshed", exc_info=True)
            return
        if not any(version.is_valid_now for version in versions):
            log.error("no version of the certificate for notifications is valid now", extra={"versions": len(versions)})
        pems = {version: _pem_from(version) for version in versions}
        best_first = sorted(versions, key=lambda version: (not _is_whole(pems[version]), not version.is_valid_now))
        self._ring = {version.id: pems[version] for version in best_first}
        self._loaded_at = self._clock()


def open_certificates(settings: Settings, vault: "Vault | None") -> NotificationCertificates | None:
    """None unless notifications are to bring what changed."""
    if not settings.rich_notifications:
        return None
    if vault and settings.notification_certificate_name:
        return VaultCertificates(vault, settings.notification_certificate_name)
    ring = settings.notification_certificates or {}
    return NotificationCertificates({one: pem.get_secret_value() for one, pem in ring.items()})


def _is_whole(pem: str) -> bool:
    try:
        _private_key(pem)
        _encoded(pem)
    except ProviderMisconfigured:
        log.exception("a version of the certificate for notifications is passed over")
        return False
    return True


def _pem_from(version: "SecretVersion") -> str:
    """Give a version as PEM, key and certificate; what cannot be read becomes PEM that cannot be read either."""
    if version.content_type != PKCS12:
        return version.value
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415 - only where notifications are encrypted
        Encoding,
        NoEncryption,
        PrivateFormat,
        pkcs12,
    )

    try:
        key, certificate, _ = pkcs12.load_key_and_certificates(base64.b64decode(version.value), None)
    except ValueError:
        key = certificate = None
    if key is None or certificate is None:
        return ""
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return (private + certificate.public_bytes(Encoding.PEM)).decode()


@lru_cache(maxsize=16)
def _encoded(pem: str) -> str:
    from cryptography import x509  # noqa: PLC0415 - only where notifications are encrypted
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415 - as above

    try:
        certificate = x509.load_pem_x509_certificate(pem[pem.index("-----BEGIN CERTIFICATE") :].encode())
    except ValueError as exc:
        raise ProviderMisconfigured(
            "a certificate for notifications cannot be read: disable that version, or replace it"
        ) from exc
    return base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()


@lru_cache(maxsize=16)
def _private_key(pem: str) -> "RSAPrivateKey":
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415 - as above

    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (TypeError, ValueError) as exc:
        raise ProviderMisconfigured("a certificate for notifications has no readable key: make it exportable") from exc
    if not isinstance(key, RSAPrivateKey):
        raise ProviderMisconfigured("a certificate for notifications needs an RSA key")
    return key
