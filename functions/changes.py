"""Following what changes."""

from typing import Final

import azure.functions as func

from functions.callers import signed_in_user
from shared.errors import ChangesExpired
from shared.http import endpoint, parsed_query, reply
from shared.mail.changes import follow_changes
from shared.models.api import ChangeQuery, Changes, PushConnection
from shared.runtime import runtime

TAG: Final = "changes"
bp = func.Blueprint()


@endpoint(
    bp,
    "GET",
    "changes",
    summary="Follow the change log",
    tag=TAG,
    query=ChangeQuery,
    replies={200: Changes},
    raises=(ChangesExpired,),
)
async def get_changes(req: func.HttpRequest) -> func.HttpResponse:
    """
    Read what changed after a position, in order, each change once; none is ever added behind one that was read.

    With `wait_seconds` the answer comes with the first change. Without `after` it is where the log ends: ask for that,
    then read what you show, then follow. A log that no longer reaches back so far, or ends before, is 410: begin like
    that again.
    """
    user_id, wanted = await signed_in_user(req), parsed_query(req, ChangeQuery)
    return reply(await follow_changes((await runtime()).pool, user_id, wanted))


@endpoint(
    bp,
    "POST",
    "push/negotiate",
    summary="Get a WebSocket that says when to read changes",
    tag=TAG,
    replies={200: PushConnection},
)
async def post_push_negotiate(req: func.HttpRequest) -> func.HttpResponse:
    """Messages on it carry a position and no mail. When there is none, `url` is null: ask for changes with a wait."""
    user_id = await signed_in_user(req)
    return reply(await (await runtime()).push.connection_for(user_id))
