"""Graph's change notifications: answered within three seconds, and only when their jobs are safely in a queue."""

import azure.functions as func
from pydantic import BaseModel, ConfigDict, Field

from shared.errors import PayloadTooLarge
from shared.http import Content, endpoint
from shared.runtime import runtime
from shared.sync.notifications import read_delivery

DELIVERY_MAX_BYTES = 8 * 1024 * 1024
SENDING_SECONDS = 1.4  # Graph waits for three, and who sent it may take 1.2 to verify
HANDSHAKE = Content("text/plain", "The validation token, as Graph sent it")
bp = func.Blueprint()


class HandshakeQuery(BaseModel):
    """Graph adds its token to whatever the notification URL holds."""

    model_config = ConfigDict(defer_build=True)

    validation_token: str | None = Field(default=None, alias="validationToken", max_length=8192)


class Delivery(BaseModel):
    """Items are read one by one: one that is not understood does not spoil the others."""

    model_config = ConfigDict(defer_build=True)

    value: list[object]


@endpoint(
    bp,
    "POST",
    "webhooks/graph",
    summary="Take a delivery of change notifications from Microsoft Graph",
    tag="webhooks",
    query=HandshakeQuery,
    body=Delivery,
    replies={200: HANDSHAKE, 202: None},
    public=True,
)
async def receive_notifications(req: func.HttpRequest) -> func.HttpResponse:
    """Each item proves itself by its clientState; what does not is passed over. 5xx asks Graph to deliver again."""
    return await _receive(req)


@endpoint(
    bp,
    "POST",
    "webhooks/graph/lifecycle",
    summary="Take a delivery of lifecycle notifications from Microsoft Graph",
    tag="webhooks",
    query=HandshakeQuery,
    body=Delivery,
    replies={200: HANDSHAKE, 202: None},
    public=True,
)
async def receive_lifecycle_notifications(req: func.HttpRequest) -> func.HttpResponse:
    return await _receive(req)


async def _receive(req: func.HttpRequest) -> func.HttpResponse:
    if token := req.params.get("validationToken"):
        return func.HttpResponse(token, mimetype="text/plain")
    body = req.get_body()
    if len(body) > DELIVERY_MAX_BYTES:
        raise PayloadTooLarge(f"send at most {DELIVERY_MAX_BYTES} bytes")
    opened = await runtime()
    jobs = await read_delivery(opened.settings, opened.secrets.current, opened.validation_tokens, body)
    await opened.jobs.send_within(SENDING_SECONDS, jobs)
    return func.HttpResponse(status_code=202)
