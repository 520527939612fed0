"""The system about itself: is it alive, is it ready, and what it offers."""

import asyncio
import logging
from collections.abc import Awaitable
from typing import Final, Literal

import azure.functions as func

from shared.http import OPERATIONS, Content, endpoint, json_document, reply
from shared.models.api import Health, Readiness
from shared.openapi import document_from
from shared.openapi_page import CONTENT_SECURITY_POLICY, page_from
from shared.runtime import runtime
from shared.storage.database import Pool, system_transaction
from shared.version import VERSION

log = logging.getLogger(__name__)

TAG: Final = "system"
CHECK_SECONDS: Final = 5.0
bp = func.Blueprint()


@endpoint(bp, "GET", "health", summary="Is the process alive", tag=TAG, replies={200: Health}, public=True)
async def get_health(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - the host passes it
    """Ask nothing of anybody else."""
    return reply(Health(status="ok", version=VERSION))


@endpoint(
    bp,
    "GET",
    "ready",
    summary="Can it do its work",
    tag=TAG,
    replies={200: Readiness, 503: Readiness},
    public=True,
)
async def get_ready(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - the host passes it
    """Ask the database and the queues."""
    run = await runtime()
    database, queues = await asyncio.gather(
        _outcome("database", _ask_database(run.pool)), _outcome("queues", run.jobs.ready())
    )
    ready = database == queues == "ok"
    body = Readiness(status="ready" if ready else "not_ready", checks={"database": database, "queues": queues})
    return reply(body, 200 if ready else 503)


@endpoint(
    bp,
    "GET",
    "openapi.json",
    summary="This description",
    tag=TAG,
    replies={200: Content("application/json", "An OpenAPI 3.1 document")},
    public=True,
)
async def get_openapi(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - the host passes it
    return json_document(document_from(OPERATIONS, version=VERSION))


@endpoint(
    bp,
    "GET",
    "docs",
    summary="This description, for reading",
    tag=TAG,
    replies={200: Content("text/html", "A page without scripts")},
    public=True,
)
async def get_docs(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - the host passes it
    page = page_from(document_from(OPERATIONS, version=VERSION))
    headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY}
    return func.HttpResponse(page, mimetype="text/html", headers=headers)


async def _ask_database(pool: Pool) -> None:
    async with system_transaction(pool) as conn:
        await conn.execute("SELECT 1")


async def _outcome(what: str, asked: Awaitable[None]) -> Literal["ok", "failed"]:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await asked
    except Exception:  # whatever it is, the answer is no
        log.warning("not ready", extra={"check": what}, exc_info=True)
        return "failed"
    return "ok"
