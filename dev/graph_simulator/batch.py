"""$batch: several requests in one, each answered for itself."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from dev.graph_simulator.calls import Reply, json_reply
from dev.graph_simulator.errors import bad_request
from dev.graph_simulator.json_text import from_json, to_json

MAXIMUM_REQUESTS = 20
AT_A_TIME = 4


@dataclass(slots=True)
class InnerRequest:
    id: str
    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    depends_on: list[str] = field(default_factory=list)


Answer = Callable[[InnerRequest], Awaitable[Reply]]
_Order = Literal["parallel", "in turn"]


async def run_batch(body: bytes, answer: Answer) -> Reply:
    """Answer every request: four at a time, or one after the other when they depend on each other."""
    requests = _requests(body)
    done: dict[str, Reply] = {}
    if _order(requests) == "in turn":
        for one in requests:
            is_blocked = any(done[name.lower()].status >= 400 for name in one.depends_on)  # noqa: PLR2004 - failure
            done[one.id.lower()] = _failed_dependency() if is_blocked else await answer(one)
    else:
        slots = asyncio.Semaphore(AT_A_TIME)

        async def run(one: InnerRequest) -> None:
            async with slots:
                done[one.id.lower()] = await answer(one)

        await asyncio.gather(*(run(one) for one in requests))
    names = {one.id.lower(): one.id for one in requests}
    responses = [_response(names[key], reply) for key, reply in done.items()]  # in the order of completion
    return Reply(200, b'{"responses":[' + b",".join(responses) + b"]}")


def _requests(body: bytes) -> list[InnerRequest]:
    try:
        document = from_json(body)
        found = [_request(one) for one in document["requests"]]
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise bad_request("Invalid batch payload format.") from exc
    if not found:
        raise bad_request("Invalid batch payload format.")
    if len(found) > MAXIMUM_REQUESTS:
        raise bad_request(f"Number of batch request steps exceeds the maximum value of {MAXIMUM_REQUESTS}.")
    ids = {one.id.lower() for one in found}
    if len(ids) != len(found):
        raise bad_request("Request Id is not unique within the batch.")
    if any(name.lower() not in ids for one in found for name in one.depends_on):
        raise bad_request("A dependency names a request that is not in the batch.")
    return found


def _request(document: dict[str, Any]) -> InnerRequest:
    headers = {str(name).lower(): str(value) for name, value in (document.get("headers") or {}).items()}
    if "body" in document and "content-type" not in headers:
        raise bad_request("Write request with body has no Content-Type header.")
    return InnerRequest(
        id=str(document["id"]),
        method=str(document["method"]).upper(),
        url=str(document["url"]),
        headers=headers,
        body=_body(document["body"]) if "body" in document else b"",
        depends_on=[str(one) for one in document.get("dependsOn") or []],
    )


def _body(body: object) -> bytes:
    return base64.b64decode(body) if isinstance(body, str) else to_json(body)


def _order(requests: list[InnerRequest]) -> _Order:
    """Three shapes are accepted: no dependencies, a chain, or all on the same one."""
    if not any(one.depends_on for one in requests):
        return "parallel"
    rest = [[name.lower() for name in one.depends_on] for one in requests[1:]]
    chain = [[one.id.lower()] for one in requests[:-1]]
    star = [[requests[0].id.lower()]] * len(rest)
    if requests[0].depends_on or rest not in (chain, star):
        raise bad_request("The dependencies of a batch form a chain, or all name the same request.")
    return "in turn"


def _failed_dependency() -> Reply:
    error = {"code": "FailedDependency", "message": "A request on which this one depends has failed."}
    return json_reply({"error": error}, 424)


def _response(request_id: str, reply: Reply) -> bytes:
    headers = {"Cache-Control": "no-cache", "Content-Type": reply.content_type} | reply.headers
    head = {"id": request_id, "status": reply.status, "headers": headers}
    if not reply.body:
        return to_json(head)
    is_json = reply.content_type.startswith("application/json")
    body = reply.body if is_json else to_json(base64.b64encode(reply.body).decode())
    return to_json(head)[:-1] + b',"body":' + body + b"}"
