"""Who may operate: people with a key of their own, whose digest is in the settings."""

import hashlib
import hmac
import logging

import azure.functions as func

from shared.errors import Unauthenticated
from shared.http import bearer_token
from shared.settings import Settings, settings

log = logging.getLogger(__name__)


def operator_from(settings: Settings, key: str) -> str:
    """
    Tell whose key it is, taking as long for a wrong one as for a right one. Raises Unauthenticated.

    A key is long and random, so that its SHA-256 needs no salt and no work to withstand guessing.
    """
    digest = hashlib.sha256(key.encode()).digest()
    known = settings.operator_keys or {}
    names = [name for name, expected in known.items() if hmac.compare_digest(digest, expected)]
    if not names:
        raise Unauthenticated("not an operator's key")
    return names[0]


def signed_in_operator(req: func.HttpRequest, operation: str) -> str:
    """Tell who asks, and log it. Raises Unauthenticated."""
    name = operator_from(settings(), bearer_token(req))
    account_id, job_id = req.route_params.get("account_id"), req.route_params.get("job_id")
    log.info(
        "operator asks", extra={"operator": name, "operation": operation, "account_id": account_id, "job_id": job_id}
    )
    return name
