"""Connected mailboxes, as their owner sees them."""

from typing import Final

import azure.functions as func

from functions.callers import signed_in_user
from shared.http import endpoint, reply, uuid_param
from shared.mail.accounts import read_accounts, read_folders, read_one_account, read_problems, read_sync_progress
from shared.models.api import Account, Accounts, Folders, Problems, SyncProgress
from shared.runtime import runtime

TAG: Final = "accounts"
bp = func.Blueprint()


@endpoint(bp, "GET", "accounts", summary="List connected mailboxes", tag=TAG, replies={200: Accounts})
async def get_accounts(req: func.HttpRequest) -> func.HttpResponse:
    user_id = await signed_in_user(req)
    return reply(await read_accounts((await runtime()).pool, user_id))


@endpoint(bp, "GET", "accounts/{account_id:guid}", summary="Get a connected mailbox", tag=TAG, replies={200: Account})
async def get_account(req: func.HttpRequest) -> func.HttpResponse:
    user_id = await signed_in_user(req)
    return reply(await read_one_account((await runtime()).pool, user_id, uuid_param(req, "account_id")))


@endpoint(
    bp,
    "GET",
    "accounts/{account_id:guid}/folders",
    summary="List a mailbox's folders with counts",
    tag=TAG,
    replies={200: Folders},
)
async def get_account_folders(req: func.HttpRequest) -> func.HttpResponse:
    user_id = await signed_in_user(req)
    return reply(await read_folders((await runtime()).pool, user_id, uuid_param(req, "account_id")))


@endpoint(
    bp,
    "GET",
    "accounts/{account_id:guid}/sync",
    summary="See how far the newest sync is",
    tag=TAG,
    replies={200: SyncProgress},
)
async def get_account_sync(req: func.HttpRequest) -> func.HttpResponse:
    user_id = await signed_in_user(req)
    return reply(await read_sync_progress((await runtime()).pool, user_id, uuid_param(req, "account_id")))


@endpoint(
    bp,
    "GET",
    "accounts/{account_id:guid}/problems",
    summary="List what could not be carried over",
    tag=TAG,
    replies={200: Problems},
)
async def get_account_problems(req: func.HttpRequest) -> func.HttpResponse:
    """Pages of the newest sync, jobs and messages that failed: the newest hundred of each."""
    user_id = await signed_in_user(req)
    return reply(await read_problems((await runtime()).pool, user_id, uuid_param(req, "account_id")))
