"""Users: sign up, log in, stay signed in, log out, and the profile."""

from typing import Final

import azure.functions as func

from functions.callers import signed_in_user
from shared.auth.refresh_cookies import cleared_cookie, cookie_for, presented_token, refuse_foreign_origin
from shared.auth.sessions import SignedIn, end_session, refresh_session
from shared.auth.users import change_profile, log_in, read_profile, sign_up
from shared.errors import EmailTaken, Forbidden, InvalidCredentials, Unauthenticated
from shared.http import endpoint, no_content, parsed_body, reply
from shared.models.api import LogIn, ProfileChange, Session, SignUp, User
from shared.runtime import runtime
from shared.settings import Settings

TAG: Final = "users"
bp = func.Blueprint()


@endpoint(
    bp,
    "POST",
    "auth/signup",
    summary="Create a user and sign in",
    tag=TAG,
    body=SignUp,
    replies={201: Session},
    raises=(EmailTaken,),
    public=True,
)
async def post_signup(req: func.HttpRequest) -> func.HttpResponse:
    """Addresses are unique without regard to case. A refresh token is set as a cookie."""
    run = await runtime()
    signed_in = await sign_up(run.pool, run.settings, run.secrets.current.jwt_signing_keys, parsed_body(req, SignUp))
    return _session_reply(run.settings, signed_in, 201)


@endpoint(
    bp,
    "POST",
    "auth/login",
    summary="Sign in",
    tag=TAG,
    body=LogIn,
    replies={200: Session},
    raises=(InvalidCredentials,),
    public=True,
)
async def post_login(req: func.HttpRequest) -> func.HttpResponse:
    """Send the access token as `Authorization: Bearer …`; the cookie renews it at `/auth/refresh`."""
    run = await runtime()
    signed_in = await log_in(run.pool, run.settings, run.secrets.current.jwt_signing_keys, parsed_body(req, LogIn))
    return _session_reply(run.settings, signed_in, 200)


@endpoint(
    bp,
    "POST",
    "auth/refresh",
    summary="Get another access token",
    tag=TAG,
    replies={200: Session},
    raises=(Unauthenticated, Forbidden),
    public=True,
)
async def post_refresh(req: func.HttpRequest) -> func.HttpResponse:
    """
    Take the cookie and replace it. No body.

    A replaced cookie is answered once more within ten seconds, with the same successor; after that its return ends
    the session.
    """
    run = await runtime()
    refuse_foreign_origin(run.settings, req.headers.get("origin"))
    token = presented_token(req.headers.get("cookie"))
    signed_in = await refresh_session(run.pool, run.settings, run.secrets.current.jwt_signing_keys, token)
    return _session_reply(run.settings, signed_in, 200)


@endpoint(
    bp,
    "POST",
    "auth/logout",
    summary="Sign out",
    tag=TAG,
    replies={204: None},
    raises=(Forbidden,),
    public=True,
)
async def post_logout(req: func.HttpRequest) -> func.HttpResponse:
    """End the cookie's session and take the cookie away. An access token ends by itself, within 15 minutes."""
    run = await runtime()
    refuse_foreign_origin(run.settings, req.headers.get("origin"))
    await end_session(run.pool, presented_token(req.headers.get("cookie")))
    return no_content({"Set-Cookie": cleared_cookie(run.settings)})


@endpoint(bp, "GET", "me", summary="Who am I", tag=TAG, replies={200: User})
async def get_me(req: func.HttpRequest) -> func.HttpResponse:
    user_id = await signed_in_user(req)
    return reply(await read_profile((await runtime()).pool, user_id))


@endpoint(bp, "PATCH", "me", summary="Change the profile", tag=TAG, body=ProfileChange, replies={200: User})
async def patch_me(req: func.HttpRequest) -> func.HttpResponse:
    user_id = await signed_in_user(req)
    change = parsed_body(req, ProfileChange)
    return reply(await change_profile((await runtime()).pool, user_id, change))


def _session_reply(settings: Settings, signed_in: SignedIn, status: int) -> func.HttpResponse:
    return reply(signed_in.session, status, {"Set-Cookie": cookie_for(settings, signed_in.refresh_token)})
