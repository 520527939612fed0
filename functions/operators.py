"""What operators see and set going. The host keeps `/api/admin` for itself, so this is below `/api/operators`."""

from typing import Final

import azure.functions as func

from shared.errors import Conflict, ReauthenticationRequired
from shared.http import accepted, endpoint, no_content, parsed_query, reply, uuid_param
from shared.models.api import Audit, AuditOrigin
from shared.models.operators import (
    AccountDetail,
    AccountsInTrouble,
    Asked,
    AuditsWithDifferences,
    DifferenceQuery,
    FailedJobQuery,
    FailedMessageDetail,
    FailedMessages,
    Overview,
    TroubleQuery,
)
from shared.operators.access import signed_in_operator
from shared.operators.accounts import (
    ask_reconciliation,
    ask_renewal,
    read_audits_with_differences,
    read_detail,
    read_overview,
    read_trouble,
)
from shared.operators.failed_jobs import drop_failed_job, read_failed_job, read_failed_jobs, retry_failed_job
from shared.runtime import runtime
from shared.sync.audits import request_audit
from shared.sync.engine import load_account
from shared.sync.removal import disconnect

TAG: Final = "operators"
bp = func.Blueprint()


@endpoint(
    bp,
    "GET",
    "operators/overview",
    summary="Count accounts by state and by problem, and jobs by queue",
    tag=TAG,
    replies={200: Overview},
    scheme="operatorKey",
)
async def get_operators_overview(req: func.HttpRequest) -> func.HttpResponse:
    signed_in_operator(req, "overview")
    opened = await runtime()
    return reply(await read_overview(opened.pool, opened.settings, opened.jobs))


@endpoint(
    bp,
    "GET",
    "operators/accounts",
    summary="List accounts of all users that are in trouble",
    tag=TAG,
    query=TroubleQuery,
    replies={200: AccountsInTrouble},
    scheme="operatorKey",
)
async def get_operators_accounts(req: func.HttpRequest) -> func.HttpResponse:
    """In the order of their ids, so that a list may be worked off while it changes. Without addresses."""
    signed_in_operator(req, "accounts")
    opened, wanted = await runtime(), parsed_query(req, TroubleQuery)
    return reply(await read_trouble(opened.pool, opened.settings, wanted))


@endpoint(
    bp,
    "GET",
    "operators/accounts/{account_id:guid}",
    summary="See one account's health, its sync runs and its audits",
    tag=TAG,
    replies={200: AccountDetail},
    scheme="operatorKey",
)
async def get_operators_account(req: func.HttpRequest) -> func.HttpResponse:
    signed_in_operator(req, "account")
    opened = await runtime()
    return reply(await read_detail(opened.pool, opened.settings, uuid_param(req, "account_id")))


@endpoint(
    bp,
    "DELETE",
    "operators/accounts/{account_id:guid}",
    summary="Disconnect an account, and remove everything mirrored of it",
    tag=TAG,
    replies={204: None},
    scheme="operatorKey",
)
async def delete_operators_account(req: func.HttpRequest) -> func.HttpResponse:
    """As its owner would, for one who has left. The mailbox itself is not touched."""
    signed_in_operator(req, "disconnection")
    opened = await runtime()
    account = await load_account(opened.engine, uuid_param(req, "account_id"))
    await disconnect(opened.pool, opened.jobs, account.user_id, account.id)
    return no_content()


@endpoint(
    bp,
    "POST",
    "operators/accounts/{account_id:guid}/reconciliation",
    summary="Have delta go through every folder of an account now",
    tag=TAG,
    replies={202: Asked},
    scheme="operatorKey",
)
async def post_operators_reconciliation(req: func.HttpRequest) -> func.HttpResponse:
    signed_in_operator(req, "reconciliation")
    opened = await runtime()
    account_id = uuid_param(req, "account_id")
    return accepted(await ask_reconciliation(opened.pool, opened.settings, opened.jobs, account_id))


@endpoint(
    bp,
    "POST",
    "operators/accounts/{account_id:guid}/renewal",
    summary="Have an account's subscription renewed now",
    tag=TAG,
    replies={202: Asked},
    scheme="operatorKey",
)
async def post_operators_renewal(req: func.HttpRequest) -> func.HttpResponse:
    signed_in_operator(req, "renewal")
    opened = await runtime()
    return accepted(await ask_renewal(opened.pool, opened.settings, opened.jobs, uuid_param(req, "account_id")))


@endpoint(
    bp,
    "POST",
    "operators/accounts/{account_id:guid}/audit",
    summary="Have an account audited now",
    tag=TAG,
    replies={202: Audit},
    raises=(Conflict, ReauthenticationRequired),
    scheme="operatorKey",
)
async def post_operators_audit(req: func.HttpRequest) -> func.HttpResponse:
    """While an audit is running, asking again answers that one. Only a live account can be audited."""
    signed_in_operator(req, "audit")
    opened = await runtime()
    account = await load_account(opened.engine, uuid_param(req, "account_id"))
    return accepted(await request_audit(opened.pool, opened.jobs, account.user_id, account.id, AuditOrigin.OPERATOR))


@endpoint(
    bp,
    "GET",
    "operators/audits",
    summary="List audits of all accounts that found differences, newest first",
    tag=TAG,
    query=DifferenceQuery,
    replies={200: AuditsWithDifferences},
    scheme="operatorKey",
)
async def get_operators_audits(req: func.HttpRequest) -> func.HttpResponse:
    """Differences that were on their way while the audit looked do not count."""
    signed_in_operator(req, "audits")
    return reply(await read_audits_with_differences((await runtime()).pool, parsed_query(req, DifferenceQuery)))


@endpoint(
    bp,
    "GET",
    "operators/failed-jobs",
    summary="List queue messages that failed for good, newest first",
    tag=TAG,
    query=FailedJobQuery,
    replies={200: FailedMessages},
    scheme="operatorKey",
)
async def get_operators_failed_jobs(req: func.HttpRequest) -> func.HttpResponse:
    signed_in_operator(req, "failed jobs")
    return reply(await read_failed_jobs((await runtime()).pool, parsed_query(req, FailedJobQuery)))


@endpoint(
    bp,
    "GET",
    "operators/failed-jobs/{job_id:guid}",
    summary="See a failed queue message, without ids of the provider's",
    tag=TAG,
    replies={200: FailedMessageDetail},
    scheme="operatorKey",
)
async def get_operators_failed_job(req: func.HttpRequest) -> func.HttpResponse:
    signed_in_operator(req, "failed job")
    return reply(await read_failed_job((await runtime()).pool, uuid_param(req, "job_id")))


@endpoint(
    bp,
    "POST",
    "operators/failed-jobs/{job_id:guid}/retry",
    summary="Put a failed queue message into its queue again",
    tag=TAG,
    replies={204: None},
    scheme="operatorKey",
)
async def post_operators_failed_job_retry(req: func.HttpRequest) -> func.HttpResponse:
    signed_in_operator(req, "retry")
    opened = await runtime()
    await retry_failed_job(opened.pool, opened.jobs, uuid_param(req, "job_id"))
    return no_content()


@endpoint(
    bp,
    "DELETE",
    "operators/failed-jobs/{job_id:guid}",
    summary="Forget a failed queue message",
    tag=TAG,
    replies={204: None},
    scheme="operatorKey",
)
async def delete_operators_failed_job(req: func.HttpRequest) -> func.HttpResponse:
    signed_in_operator(req, "drop")
    await drop_failed_job((await runtime()).pool, uuid_param(req, "job_id"))
    return no_content()
