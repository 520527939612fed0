"""Signing up, signing in, and the profile."""

from uuid import UUID, uuid4

from shared.auth.access_tokens import Keys
from shared.auth.passwords import hash_password, is_outdated, password_matches
from shared.auth.sessions import SignedIn, begin_session
from shared.errors import InvalidCredentials
from shared.models.api import LogIn, ProfileChange, SignUp, User
from shared.settings import Settings
from shared.storage.database import Pool, system_transaction, user_transaction
from shared.storage.users import change_name, get_user, insert_user, replace_password_hash, user_for_login


async def sign_up(pool: Pool, settings: Settings, keys: Keys, wanted: SignUp) -> SignedIn:
    """Create a user and sign them in. Raises EmailTaken."""
    password_hash = await hash_password(settings, wanted.password)
    user_id = uuid4()
    async with user_transaction(pool, user_id) as conn:
        await insert_user(conn, user_id, email=wanted.email, name=wanted.name, password_hash=password_hash)
        return await begin_session(conn, settings, keys, await get_user(conn, user_id))


async def log_in(pool: Pool, settings: Settings, keys: Keys, given: LogIn) -> SignedIn:
    """Sign in. Raises InvalidCredentials, alike and after the same time for a wrong password and an unknown address."""
    async with system_transaction(pool) as conn:
        found = await user_for_login(conn, given.email)
    user_id, password_hash = found or (None, None)
    matches = await password_matches(settings, password_hash, given.password)
    if not matches or user_id is None or password_hash is None:
        raise InvalidCredentials("wrong address or password")
    new_hash = await hash_password(settings, given.password) if is_outdated(settings, password_hash) else None
    async with user_transaction(pool, user_id) as conn:
        if new_hash:
            await replace_password_hash(conn, user_id, old=password_hash, new=new_hash)
        return await begin_session(conn, settings, keys, await get_user(conn, user_id))


async def read_profile(pool: Pool, user_id: UUID) -> User:
    async with user_transaction(pool, user_id) as conn:
        return await get_user(conn, user_id)


async def change_profile(pool: Pool, user_id: UUID, change: ProfileChange) -> User:
    async with user_transaction(pool, user_id) as conn:
        if change.name is not None:
            await change_name(conn, user_id, change.name)
        return await get_user(conn, user_id)
