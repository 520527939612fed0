"""Argon2id, away from the event loop and a few at a time, because each takes its memory."""

import asyncio
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from shared.settings import Settings

if TYPE_CHECKING:
    from argon2 import PasswordHasher

# Two at once, whatever the number of sign-ins: 128 MiB with the default cost.
_threads: Final = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")


async def hash_password(settings: Settings, password: str) -> str:
    return await asyncio.get_running_loop().run_in_executor(_threads, _hash, settings, password)


async def password_matches(settings: Settings, password_hash: str | None, password: str) -> bool:
    """Compare with a hash; no hash takes as long, and never matches, so that time does not tell who is a user."""
    if password_hash is None:
        await hash_password(settings, password)
        return False
    return await asyncio.get_running_loop().run_in_executor(_threads, _matches, settings, password_hash, password)


def is_outdated(settings: Settings, password_hash: str) -> bool:
    """Tell whether a hash was made with other parameters than new ones are."""
    return _hasher(settings).check_needs_rehash(password_hash)


def _hash(settings: Settings, password: str) -> str:
    return _hasher(settings).hash(_normalised(password))


def _matches(settings: Settings, password_hash: str, password: str) -> bool:
    from argon2.exceptions import VerificationError  # noqa: PLC0415 - as in _hasher

    try:
        return _hasher(settings).verify(password_hash, _normalised(password))
    except VerificationError:
        return False


def _normalised(password: str) -> str:
    """Keyboards compose accents differently."""
    return unicodedata.normalize("NFKC", password)


def _hasher(settings: Settings) -> "PasswordHasher":
    from argon2 import PasswordHasher  # noqa: PLC0415 - a queue worker never needs it

    return PasswordHasher(time_cost=settings.argon2_iterations, memory_cost=settings.argon2_memory_kib, parallelism=1)
