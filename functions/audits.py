"""Audits: comparisons of a whole mailbox with what is stored of it, and their signed reports."""

from typing import Final

import azure.functions as func

from functions.callers import signed_in_user
from shared.errors import Conflict, NotFound, ReauthenticationRequired
from shared.http import Content, accepted, endpoint, parsed_query, reply, uuid_param
from shared.mail.audits import read_audit, read_audit_report, read_audits
from shared.models.api import Audit, AuditKey, AuditKeys, AuditQuery, Audits
from shared.report_signatures import public_keys
from shared.runtime import runtime
from shared.sync.audits import request_audit

TAG: Final = "audits"
JWS_TYPE: Final = "application/jose"
bp = func.Blueprint()


@endpoint(
    bp,
    "POST",
    "accounts/{account_id:guid}/audit",
    summary="Compare the whole mailbox with what is stored of it, and repair what differs",
    tag=TAG,
    replies={202: Audit},
    raises=(NotFound, Conflict, ReauthenticationRequired),
)
async def request_account_audit(req: func.HttpRequest) -> func.HttpResponse:
    """While an audit runs, asking again changes nothing and answers that one. The first sync has to be complete."""
    user_id, opened = await signed_in_user(req), await runtime()
    return accepted(await request_audit(opened.pool, opened.jobs, user_id, uuid_param(req, "account_id")))


@endpoint(
    bp,
    "GET",
    "accounts/{account_id:guid}/audits",
    summary="List a mailbox's audits, newest first",
    tag=TAG,
    query=AuditQuery,
    replies={200: Audits},
)
async def get_account_audits(req: func.HttpRequest) -> func.HttpResponse:
    user_id, wanted = await signed_in_user(req), parsed_query(req, AuditQuery)
    return reply(await read_audits((await runtime()).pool, user_id, uuid_param(req, "account_id"), wanted))


@endpoint(
    bp,
    "GET",
    "accounts/{account_id:guid}/audits/{audit_id:guid}",
    summary="See what an audit found",
    tag=TAG,
    replies={200: Audit},
)
async def get_account_audit(req: func.HttpRequest) -> func.HttpResponse:
    user_id = await signed_in_user(req)
    account_id, audit_id = uuid_param(req, "account_id"), uuid_param(req, "audit_id")
    return reply(await read_audit((await runtime()).pool, user_id, account_id, audit_id))


@endpoint(
    bp,
    "GET",
    "accounts/{account_id:guid}/audits/{audit_id:guid}/report",
    summary="Download an audit's signed report",
    tag=TAG,
    replies={200: Content(JWS_TYPE, "A JSON Web Signature (EdDSA), to be verified with the keys of /audit-keys")},
)
async def get_account_audit_report(req: func.HttpRequest) -> func.HttpResponse:
    """Find nothing here until the audit is completed."""
    user_id = await signed_in_user(req)
    account_id, audit_id = uuid_param(req, "account_id"), uuid_param(req, "audit_id")
    report = await read_audit_report((await runtime()).pool, user_id, account_id, audit_id)
    return func.HttpResponse(report, mimetype=JWS_TYPE)


@endpoint(
    bp,
    "GET",
    "audit-keys",
    summary="The public keys of audit reports",
    tag=TAG,
    replies={200: AuditKeys},
    public=True,
)
async def get_audit_keys(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - the host passes it
    """Answer a JSON Web Key Set. Keep a copy with the reports that it verifies."""
    keys = public_keys((await runtime()).secrets.current.audit_signing_keys)
    return reply(AuditKeys(keys=[AuditKey(kid=key_id, x=x) for key_id, x in keys.items()]))
