"""Connecting a mailbox: out to the provider's sign-in, and back."""

import logging
from typing import TYPE_CHECKING, Final

import azure.functions as func
from pydantic import BaseModel, ConfigDict, Field

from functions.callers import signed_in_user
from shared.auth.browser_binding import cleared_cookie
from shared.errors import MailError, ProviderUnavailable
from shared.http import Content, endpoint, redirect, reply
from shared.models.accounts import ConnectedAccount
from shared.models.api import Authorization
from shared.runtime import runtime
from shared.sync.runs import request_sync

if TYPE_CHECKING:
    from shared.opening import Runtime

log = logging.getLogger(__name__)

TO_PAGE: Final = Content("text/plain", "To the page: /connected?account=… or /connected?error=…")
bp = func.Blueprint()


class CallbackQuery(BaseModel):
    """The sign-in's answer. What else it carries is ignored."""

    model_config = ConfigDict(extra="ignore", defer_build=True)

    state: str | None = Field(default=None, description="What the sign-in was started with.")
    code: str | None = Field(default=None, description="On success: what the tokens are asked with.")
    error: str | None = Field(default=None, description="On failure: why.")


@endpoint(
    bp,
    "POST",
    "accounts/connect/outlook",
    summary="Begin to connect an Outlook mailbox",
    tag="accounts",
    replies={200: Authorization},
    raises=(ProviderUnavailable,),
)
async def connect_outlook(req: func.HttpRequest) -> func.HttpResponse:
    """
    Send the browser to the URL that this answers, within ten minutes.

    A cookie ties the sign-in to the browser: a page on another origin asks with credentials.
    """
    from shared.auth.connections import start_connection  # noqa: PLC0415 - the table client is heavy, this rare

    user_id, opened = await signed_in_user(req), await runtime()
    started = await start_connection(opened.connector, user_id)
    return reply(Authorization(authorization_url=started.authorization_url), headers={"Set-Cookie": started.cookie})


@endpoint(
    bp,
    "GET",
    "oauth/callback/outlook",
    summary="Come back from Microsoft's sign-in",
    tag="accounts",
    query=CallbackQuery,
    replies={302: TO_PAGE},
    public=True,
)
async def finish_connecting_outlook(req: func.HttpRequest) -> func.HttpResponse:
    """Finish what was begun. The browser lands here by itself, and is sent on to the page, whatever happens."""
    opened = await runtime()
    location = await _landing(opened, req)
    state = req.params.get("state", "")
    return redirect(location, {"Set-Cookie": cleared_cookie(opened.settings, state), "Referrer-Policy": "no-referrer"})


async def _landing(opened: "Runtime", req: func.HttpRequest) -> str:
    from shared.auth.connections import (  # noqa: PLC0415 - as above
        ConnectionFailure,
        connected_url,
        failed_url,
        failure_from,
        finish_connection,
    )

    try:
        account = await finish_connection(opened.connector, req.params, req.headers.get("cookie"))
    except MailError as exc:
        failure = failure_from(exc)
        log.warning("mailbox not connected", exc_info=exc, extra={"failure": failure.value})
        return failed_url(opened.settings, failure)
    except Exception:
        log.exception("connecting a mailbox failed")
        return failed_url(opened.settings, ConnectionFailure.FAILED)
    await _request_first_sync(opened, account)
    return connected_url(opened.settings, account)


async def _request_first_sync(opened: "Runtime", account: ConnectedAccount) -> None:
    """Ask for the sync at once; if that fails, the sweep finds the run that came with the account."""
    try:
        await request_sync(opened.pool, opened.jobs, account.user_id, account.id)
    except Exception:
        log.exception("first sync left to the sweep", extra={"account_id": str(account.id)})
