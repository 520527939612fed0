"""What a person sets going: syncs, retries, disconnection."""

import azure.functions as func

from functions.callers import signed_in_user
from shared.errors import Conflict, NotFound, ReauthenticationRequired
from shared.http import accepted, endpoint, no_content, uuid_param
from shared.models.api import SyncAccepted, SyncRetried
from shared.runtime import runtime
from shared.sync.removal import disconnect
from shared.sync.runs import request_sync, retry_failed

bp = func.Blueprint()


@endpoint(
    bp,
    "POST",
    "accounts/{account_id:guid}/sync",
    summary="Compare every folder with the provider and fetch what differs",
    tag="accounts",
    replies={202: SyncAccepted},
    raises=(NotFound, Conflict, ReauthenticationRequired),
)
async def request_account_sync(req: func.HttpRequest) -> func.HttpResponse:
    """While a run is unfinished, asking again changes nothing and names that run."""
    user_id, opened = await signed_in_user(req), await runtime()
    run = await request_sync(opened.pool, opened.engine.jobs, user_id, uuid_param(req, "account_id"))
    return accepted(SyncAccepted(run_id=run.id, account_id=run.account_id, state=run.state))


@endpoint(
    bp,
    "POST",
    "accounts/{account_id:guid}/sync/retry",
    summary="Try the failed pages of the newest sync again",
    tag="accounts",
    replies={202: SyncRetried},
    raises=(NotFound,),
)
async def retry_account_sync(req: func.HttpRequest) -> func.HttpResponse:
    user_id, opened = await signed_in_user(req), await runtime()
    pages = await retry_failed(
        opened.pool, opened.engine.jobs, user_id, uuid_param(req, "account_id"), lanes=opened.settings.sync_lanes
    )
    return accepted(SyncRetried(pages=pages))


@endpoint(
    bp,
    "DELETE",
    "accounts/{account_id:guid}",
    summary="Disconnect a mailbox and remove everything mirrored from it",
    tag="accounts",
    replies={204: None},
    raises=(NotFound,),
)
async def disconnect_account(req: func.HttpRequest) -> func.HttpResponse:
    """Mirroring stops at once; rows are removed by a job. The mailbox itself is not touched."""
    user_id, opened = await signed_in_user(req), await runtime()
    await disconnect(opened.pool, opened.engine.jobs, user_id, uuid_param(req, "account_id"))
    return no_content()
