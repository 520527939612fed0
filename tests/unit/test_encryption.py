"""Secrets at rest."""

import secrets
from dataclasses import replace
from uuid import uuid4

import pytest

from shared.encryption import Cipher, SealBroken

OLD, NEW = secrets.token_bytes(32), secrets.token_bytes(32)


def test_what_was_sealed_opens_for_its_owner_only() -> None:
    cipher, owner = Cipher({"old": OLD}), uuid4()
    sealed = cipher.seal(b"secret", owner)
    assert b"secret" not in sealed.ciphertext
    assert cipher.open(sealed, owner) == b"secret"
    with pytest.raises(SealBroken):
        cipher.open(sealed, uuid4())


def test_nothing_is_sealed_alike_twice() -> None:
    cipher, owner = Cipher({"old": OLD}), uuid4()
    first, second = cipher.seal(b"secret", owner), cipher.seal(b"secret", owner)
    assert first.nonce != second.nonce
    assert first.ciphertext != second.ciphertext


def test_a_new_key_seals_and_the_old_one_still_opens() -> None:
    owner = uuid4()
    sealed = Cipher({"old": OLD}).seal(b"secret", owner)
    rotated = Cipher({"new": NEW, "old": OLD})
    assert rotated.open(sealed, owner) == b"secret"
    assert rotated.seal(b"secret", owner).key_id == "new"
    with pytest.raises(SealBroken):
        Cipher({"new": NEW}).open(sealed, owner)


def test_an_altered_seal_does_not_open() -> None:
    cipher, owner = Cipher({"old": OLD}), uuid4()
    sealed = cipher.seal(b"secret", owner)
    for broken in (
        replace(sealed, ciphertext=bytes([sealed.ciphertext[0] ^ 1]) + sealed.ciphertext[1:]),
        replace(sealed, nonce=bytes(12)),
        replace(sealed, ciphertext=b""),
    ):
        with pytest.raises(SealBroken):
            cipher.open(broken, owner)
