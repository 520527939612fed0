"""What a rich notification brings: some of a message's properties, encrypted for one of our certificates."""

import base64
import binascii
import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any, Final

from shared.errors import ProviderRejected
from shared.models.mail import MailMessage
from shared.providers.graph.mapping import message_from

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

RICH_SELECT: Final = (
    "id",
    "changeKey",
    "parentFolderId",
    "subject",
    "bodyPreview",
    "categories",
    "importance",
    "flag",
    "isRead",
    "isDraft",
    "lastModifiedDateTime",
    "hasAttachments",
    "inferenceClassification",
)
"""What may change of a message after its delivery, and what shows that something else did. Graph gives no bodies."""
_KEY_BYTES: Final = 32
_IV_BYTES: Final = 16
_BLOCK_BITS: Final = 128


def message_from_content(
    private_key: "RSAPrivateKey", *, data: str, data_key: str, data_signature: str, provider_message_id: str
) -> MailMessage:
    """
    Decrypt and read a notification's content. Only what `RICH_SELECT` names means something in the answer.

    Raises ProviderRejected when it was not encrypted for this key, was tampered with, lacks a property or is of another
    message.
    """
    try:
        document = json.loads(_opened(private_key, _bytes(data), _bytes(data_key), _bytes(data_signature)))
    except (ValueError, RecursionError) as exc:
        raise ProviderRejected(f"a notification's content cannot be read: {type(exc).__name__}") from exc
    return _message(document, provider_message_id)


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as exc:
        raise ProviderRejected("a notification's content is not Base64") from exc


def _opened(private_key: "RSAPrivateKey", data: bytes, data_key: bytes, signature: bytes) -> bytes:
    """Verify before decrypting: whoever can tell good padding from bad must not learn by it. Raises ValueError."""
    from cryptography.hazmat.primitives import hashes, padding  # noqa: PLC0415 - only where notifications are encrypted
    from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.ciphers import Cipher  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.ciphers.algorithms import AES256  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.ciphers.modes import CBC  # noqa: PLC0415 - as above

    key = private_key.decrypt(data_key, OAEP(MGF1(hashes.SHA1()), hashes.SHA1(), None))  # noqa: S303 - the provider's choice
    if len(key) != _KEY_BYTES:
        raise ProviderRejected("a notification's key has another length")
    if not hmac.compare_digest(hmac.digest(key, data, hashlib.sha256), signature):
        raise ProviderRejected("a notification's content was tampered with")
    decryptor = Cipher(AES256(key), CBC(key[:_IV_BYTES])).decryptor()
    unpadder = padding.PKCS7(_BLOCK_BITS).unpadder()
    padded = decryptor.update(data) + decryptor.finalize()
    return unpadder.update(padded) + unpadder.finalize()


def _message(document: Any, provider_message_id: str) -> MailMessage:  # noqa: ANN401 - whatever JSON holds
    if not isinstance(document, dict) or any(name not in document for name in RICH_SELECT):
        raise ProviderRejected("a notification's content lacks a property")
    if document["id"] != provider_message_id:
        raise ProviderRejected("a notification's content is of another message")
    message = message_from(document)
    if message is None or message.failure or message.altered or not message.change_key:
        raise ProviderRejected("a notification's content has a property that cannot be read")
    return message
