"""Subscriptions: creating them with the handshake, renewing and deleting them."""

import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from dev.graph_simulator.calls import Call, Reply, json_reply, preferences
from dev.graph_simulator.clock import iso_precise, moment_from
from dev.graph_simulator.delivery import is_loopback
from dev.graph_simulator.errors import ServiceError, access_denied, bad_request, not_covered
from dev.graph_simulator.queries import options_from
from dev.graph_simulator.simulator import Simulator
from dev.graph_simulator.subscription_list import Subscription

LONGEST_MINUTES, SHORTEST_MINUTES = 10070, 45
HANDSHAKE_SECONDS = 10.0
CLIENT_STATE_LENGTH = 128
MAXIMUM_PER_MAILBOX = 1000
_RESOURCE = re.compile(
    r"/?(?:me|users(?:/|\(')(?P<user>[^/']+)(?:'\))?)"
    r"(?:/mailFolders(?:/|\(')(?P<folder>[^/']+)(?:'\))?)?/messages/?",
    re.IGNORECASE,
)
_KINDS = {"created", "updated", "deleted"}
_KNOWN = {
    "changeType",
    "notificationUrl",
    "lifecycleNotificationUrl",
    "resource",
    "expirationDateTime",
    "clientState",
    "latestSupportedTlsVersion",
}


async def create(simulator: Simulator, call: Call) -> Reply:
    wanted = _wanted(simulator, call)
    subscriptions = simulator.subscriptions
    mine = list(subscriptions.live(user=wanted.user))
    if twin := next((one for one in mine if one.combination == wanted.combination), None):
        message = f"Subscription Id {twin.id} already exists for the requested combination"
        raise ServiceError(409, "ObjectIdentifierInUse", message)
    if len(mine) >= MAXIMUM_PER_MAILBOX:
        raise ServiceError(403, "ExtensionError", "The mailbox has too many subscriptions.")
    for url in filter(None, (wanted.notification_url, wanted.lifecycle_url)):
        await _shake_hands(simulator, url)
    subscriptions.save(wanted)
    return _reply(call, wanted, 201)


def list_own(simulator: Simulator, call: Call) -> Reply:
    options_from(call.query, ())
    session = call.session
    found = simulator.subscriptions.live(user=session.user.id, app_id=session.app_id)
    values = [subscription_json(one) | {"clientState": None} for one in found]
    return json_reply({"@odata.context": call.context("subscriptions"), "value": values})


def get_one(simulator: Simulator, call: Call) -> Reply:
    return _reply(call, _own(simulator, call))


def patch_one(simulator: Simulator, call: Call) -> Reply:
    subscription = _own(simulator, call)
    properties = call.json()
    if set(properties) != {"expirationDateTime"}:
        raise not_covered(f"changing {sorted(properties)} of a subscription")
    subscription.expires = _expiry(simulator, properties)
    simulator.subscriptions.save(subscription)
    return _reply(call, subscription)


def reauthorize(simulator: Simulator, call: Call) -> Reply:
    _own(simulator, call)
    return Reply(204)


def delete_one(simulator: Simulator, call: Call) -> Reply:
    simulator.subscriptions.remove(_own(simulator, call))
    return Reply(204)


def subscription_json(subscription: Subscription) -> dict[str, Any]:
    return {
        "id": subscription.id,
        "resource": subscription.resource,
        "applicationId": subscription.app_id,
        "changeType": subscription.change_types,
        "clientState": subscription.client_state,
        "notificationUrl": subscription.notification_url,
        "notificationQueryOptions": None,
        "notificationContentType": None,
        "lifecycleNotificationUrl": subscription.lifecycle_url,
        "expirationDateTime": iso_precise(datetime.fromtimestamp(subscription.expires, UTC)),
        "creatorId": subscription.user,
        "includeResourceData": None,
        "latestSupportedTlsVersion": subscription.tls_version,
        "encryptionCertificate": None,
        "encryptionCertificateId": None,
        "notificationUrlAppId": None,
    }


def not_found() -> ServiceError:
    return ServiceError(404, "ResourceNotFound", "The object was not found.")


def _own(simulator: Simulator, call: Call) -> Subscription:
    found = simulator.subscriptions.get(call.parameters["subscription"])
    if found is None or (found.user, found.app_id) != (call.session.user.id, call.session.app_id):
        raise not_found()
    return found


def _reply(call: Call, subscription: Subscription, status: int = 200) -> Reply:
    context = {"@odata.context": call.context("subscriptions/$entity")}
    return json_reply(context | subscription_json(subscription), status)


def _wanted(simulator: Simulator, call: Call) -> Subscription:
    properties = {name: value for name, value in call.json().items() if value is not None}
    if unknown := sorted(set(properties) - _KNOWN):
        raise not_covered(f"subscriptions with {unknown}")
    user = call.session.user
    return Subscription(
        id=str(uuid4()),
        app_id=call.session.app_id,
        user=user.id,
        tenant=user.tenant,
        change_types=_change_types(properties),
        resource=str(properties.get("resource", "")),
        folder=_folder(call, str(properties.get("resource", ""))),
        notification_url=_url(properties, "notificationUrl"),
        lifecycle_url=_url(properties, "lifecycleNotificationUrl")
        if "lifecycleNotificationUrl" in properties
        else None,
        client_state=_client_state(properties),
        expires=_expiry(simulator, properties),
        is_immutable=preferences(call.headers).get("idtype", "").lower() == "immutableid",
        tls_version=str(properties.get("latestSupportedTlsVersion", "v1_2")),
    )


def _change_types(properties: dict[str, Any]) -> str:
    text = str(properties.get("changeType", ""))
    if not text or {one.strip().lower() for one in text.split(",")} - _KINDS:
        raise _invalid("The value of 'changeType' is invalid.")
    return text


def _folder(call: Call, resource: str) -> int | None:
    found = _RESOURCE.fullmatch(resource)
    if found is None:
        raise not_covered(f"subscriptions to '{resource}'")
    user = call.session.user
    if found["user"] and found["user"].lower() not in (user.id, user.address.lower()):
        raise access_denied()
    return call.mailbox.folder(found["folder"]).number if found["folder"] else None


def _url(properties: dict[str, Any], name: str) -> str:
    url = str(properties.get(name, ""))
    parts = urlsplit(url)
    if not parts.hostname or parts.scheme not in ("https", "http") or (parts.scheme == "http" and not is_loopback(url)):
        raise _invalid(f"The '{name}' must be an https URL (http is accepted here on a loopback host).")
    return url


def _client_state(properties: dict[str, Any]) -> str | None:
    state = properties.get("clientState")
    if state is not None and (not isinstance(state, str) or len(state) > CLIENT_STATE_LENGTH):
        raise _invalid(f"The value of 'clientState' may have {CLIENT_STATE_LENGTH} characters.")
    return state


def _expiry(simulator: Simulator, properties: dict[str, Any]) -> float:
    """Return when it ends; less than 45 minutes become 45."""
    try:
        expires = moment_from(str(properties.get("expirationDateTime"))).timestamp()
    except ValueError as exc:
        raise bad_request("The value of 'expirationDateTime' is invalid.") from exc
    now = simulator.clock.now().timestamp()
    if expires <= now:
        raise _invalid("The value of 'expirationDateTime' must be in the future.")
    if expires > now + LONGEST_MINUTES * 60:
        message = f"Subscription expiration can only be {LONGEST_MINUTES} minutes in the future."
        raise ServiceError(400, "ExtensionError", message)
    return max(expires, now + SHORTEST_MINUTES * 60)


async def _shake_hands(simulator: Simulator, url: str) -> None:
    problem = await simulator.delivery.validate(url, HANDSHAKE_SECONDS)
    if problem == "timeout":
        raise ServiceError(400, "InvalidRequest", "Subscription validation request timed out.")
    if problem == "mismatch":
        message = "Subscription validation request failed. Response must exactly match validationToken query parameter."
        raise ServiceError(400, "InvalidRequest", message)
    if problem:
        message = (
            "Subscription validation request failed. "
            "Notification endpoint must respond with 200 OK to validation request."
        )
        raise ServiceError(400, "ValidationError", message)


def _invalid(message: str) -> ServiceError:
    return ServiceError(400, "InvalidRequest", message)
