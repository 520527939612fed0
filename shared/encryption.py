"""Secrets at rest: AES-256-GCM under a key that has an id, bound to what they belong to."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

NONCE_BYTES: Final = 12


@dataclass(frozen=True, slots=True)
class Sealed:
    key_id: str
    nonce: bytes
    ciphertext: bytes


class SealBroken(Exception):
    """What was sealed cannot be opened: its key is not in the settings, or it was altered, or it belongs elsewhere."""


class Cipher:
    """Seals with the first key of a keyring, and opens with any: to rotate, put a new key first."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - loads a large library

        self._keys = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._newest = next(iter(keys))

    def seal(self, secret: bytes, owner_id: UUID) -> Sealed:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return Sealed(self._newest, nonce, self._keys[self._newest].encrypt(nonce, secret, owner_id.bytes))

    def open(self, sealed: Sealed, owner_id: UUID) -> bytes:
        """Raise SealBroken."""
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - as above

        key = self._keys.get(sealed.key_id)
        if key is None:
            raise SealBroken(f"no key {sealed.key_id}")
        try:
            return key.decrypt(sealed.nonce, sealed.ciphertext, owner_id.bytes)
        except InvalidTag as exc:
            raise SealBroken(f"altered, or not of {owner_id}") from exc
