"""The certificates with which a provider encrypts notifications for us, and the keys that decrypt them."""

import base64
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from shared.errors import ProviderMisconfigured, ProviderRejected
from shared.providers.protocol import Certificate
from shared.settings import Settings

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey


class NotificationCertificates:
    """A ring of certificates: the first is published, all decrypt. To rotate, a new one goes in front."""

    def __init__(self, ring: Mapping[str, str]) -> None:
        """Take PEM by id, of a private key and its certificate, in order."""
        self._ring = ring

    def current(self) -> Certificate:
        """Raise ProviderMisconfigured when the certificate cannot be read."""
        certificate_id, pem = next(iter(self._ring.items()))
        return Certificate(certificate_id, _encoded(pem))

    def private_key(self, certificate_id: str) -> "RSAPrivateKey":
        """Raise ProviderRejected for a certificate that is not, or no longer, in the ring."""
        if certificate_id not in self._ring:
            raise ProviderRejected("encrypted for a certificate that we do not have")
        return _private_key(self._ring[certificate_id])


def open_certificates(settings: Settings) -> NotificationCertificates | None:
    """None unless notifications are to bring what changed."""
    if not settings.rich_notifications or settings.notification_certificates is None:
        return None
    ring = settings.notification_certificates
    return NotificationCertificates({one: pem.get_secret_value() for one, pem in ring.items()})


@lru_cache(maxsize=8)
def _encoded(pem: str) -> str:
    from cryptography import x509  # noqa: PLC0415 - only where notifications are encrypted
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415 - as above

    try:
        certificate = x509.load_pem_x509_certificate(pem[pem.index("-----BEGIN CERTIFICATE") :].encode())
    except ValueError as exc:
        raise ProviderMisconfigured("a certificate for notifications cannot be read") from exc
    return base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()


@lru_cache(maxsize=8)
def _private_key(pem: str) -> "RSAPrivateKey":
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415 - as above

    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (TypeError, ValueError) as exc:
        raise ProviderMisconfigured("the key of a certificate for notifications cannot be read") from exc
    if not isinstance(key, RSAPrivateKey):
        raise ProviderMisconfigured("a certificate for notifications needs an RSA key")
    return key
