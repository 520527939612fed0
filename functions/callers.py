"""Who sends a request."""

from uuid import UUID

import azure.functions as func

from shared.auth.access_tokens import user_id_from
from shared.http import bearer_token
from shared.runtime import runtime


async def signed_in_user(req: func.HttpRequest) -> UUID:
    """Tell by the request's bearer token alone, without the database. Raises Unauthenticated."""
    opened, token = await runtime(), bearer_token(req)
    return user_id_from(opened.settings, opened.secrets.current.jwt_signing_keys, token)
