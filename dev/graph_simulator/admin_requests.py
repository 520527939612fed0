"""How an admin request is read and answered."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from dev.graph_simulator.directory import User
from dev.graph_simulator.errors import ServiceError, bad_request
from dev.graph_simulator.folders import Folder
from dev.graph_simulator.json_text import to_json
from dev.graph_simulator.mailbox import Mailbox, NotFound
from dev.graph_simulator.seeding import folder_at
from dev.graph_simulator.simulator import Simulator

AdminHandler = Callable[[Simulator, web.Request], Awaitable[web.StreamResponse]]
AdminRoute = tuple[str, str, AdminHandler]
_Body = TypeVar("_Body", bound=BaseModel)


async def body_of(request: web.Request, model: type[_Body]) -> _Body:
    """Parse the body. Raises a 400 that names every field in error."""
    try:
        return model.model_validate_json(await request.read() or b"{}")
    except ValidationError as exc:
        problems = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in exc.errors())
        raise bad_request(problems) from exc


def json_answer(document: object, status: int = 200) -> web.Response:
    return web.Response(body=to_json(document), status=status, content_type="application/json")


def answering(simulator: Simulator, handler: AdminHandler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Return the handler as the server wants it: its errors answered, its changes durable."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(simulator, request)
        except ServiceError as error:
            return json_answer({"error": {"code": error.code, "message": error.message}}, error.status)
        except NotFound as missing:
            message = f"There is no '{missing.id}' here."
            return json_answer({"error": {"code": "NotFound", "message": message}}, 404)
        finally:
            simulator.store.commit()

    return answer


def user_of(simulator: Simulator, request: web.Request) -> User:
    """Return the user whose address or id is in the path. Raises a 404."""
    address = request.match_info["address"]
    user = simulator.directory.user_of(address)
    if user is None:
        raise NotFound(address)
    return user


def mailbox_of(simulator: Simulator, request: web.Request) -> Mailbox:
    return simulator.mailbox(user_of(simulator, request))


def folder_of(mailbox: Mailbox, text: str) -> Folder:
    """Find a folder by id, well-known name, or path from one (`inbox/Projects`); missing ones of a path are made."""
    try:
        return mailbox.folder(text)
    except NotFound:
        if "/" not in text:
            raise
        return folder_at(mailbox, tuple(text.split("/")))
