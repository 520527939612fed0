"""Subscriptions: creating them with the handshake, renewing and deleting them."""

import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

from dev.graph_simulator.calls import Call, Reply, json_reply, preferences
from dev.graph_simulator.clock import iso_precise, moment_from
from dev.graph_simulator.errors import ServiceError, access_denied, bad_request, not_covered
from dev.graph_simulator.queries import options_from
from dev.graph_simulator.rich import CertificateRefused, public_key_of, selected
from dev.graph_simulator.simulator import Simulator
from dev.graph_simulator.subscription_list import Subscription
from dev.graph_simulator.webhooks import is_loopback

LONGEST_MINUTES, LONGEST_RICH_MINUTES, SHORTEST_MINUTES = 10070, 1440, 45
HANDSHAKE_SECONDS = 10.0
CLIENT_STATE_LENGTH = CERTIFICATE_ID_LENGTH = 128
MAXIMUM_PER_MAILBOX = 1000
_RESOURCE = re.compile(
    r"/?(?:me|users(?:/|\(')(?P<user>[^/']+)(?:'\))?)"
    r"(?:/mailFolders(?:/|\(')(?P<folder>[^/']+)(?:'\))?)?/messages/?(?:\?(?P<query>.*))?",
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
    "includeResourceData",
    "encryptionCertificate",
    "encryptionCertificateId",
}
_CHANGEABLE = {"expirationDateTime", "encryptionCertificate", "encryptionCertificateId"}
_NEVER_WITH_DATA = {"$top", "$skip", "$orderby"}


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
    if not properties or set(properties) - _CHANGEABLE:
        raise not_covered(f"changing {sorted(properties)} of a subscription")
    if set(properties) & {"encryptionCertificate", "encryptionCertificateId"}:
        subscription.certificate, subscription.certificate_id = _certificate(properties)
    if "expirationDateTime" in properties:
        subscription.expires = _expiry(simulator, properties, is_rich=subscription.is_rich)
    _authorize(simulator, call, subscription)
    return _reply(call, subscription)


def reauthorize(simulator: Simulator, call: Call) -> Reply:
    _authorize(simulator, call, _own(simulator, call))
    return Reply(204)


def _authorize(simulator: Simulator, call: Call, subscription: Subscription) -> None:
    """Keep the caller's token with the subscription, which lets go what was held back for want of one."""
    subscription.token_expires = call.session.token_expires
    subscription.reminded_at = simulator.clock.now().timestamp()
    simulator.subscriptions.save(subscription)
    simulator.delivery.release(subscription)


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
        "includeResourceData": True if subscription.is_rich else None,
        "latestSupportedTlsVersion": subscription.tls_version,
        "encryptionCertificate": subscription.certificate,
        "encryptionCertificateId": subscription.certificate_id,
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
    folder, query = _watched(call, str(properties.get("resource", "")))
    select = _select(properties, query)
    certificate, certificate_id = _certificate(properties) if select else (None, None)
    return Subscription(
        id=str(uuid4()),
        app_id=call.session.app_id,
        user=user.id,
        tenant=user.tenant,
        change_types=_change_types(properties),
        resource=str(properties.get("resource", "")),
        folder=folder,
        notification_url=_url(properties, "notificationUrl"),
        lifecycle_url=_url(properties, "lifecycleNotificationUrl")
        if "lifecycleNotificationUrl" in properties
        else None,
        client_state=_client_state(properties),
        expires=_expiry(simulator, properties, is_rich=bool(select)),
        is_immutable=preferences(call.headers).get("idtype", "").lower() == "immutableid",
        tls_version=str(properties.get("latestSupportedTlsVersion", "v1_2")),
        select=list(select),
        certificate=certificate,
        certificate_id=certificate_id,
        token_expires=call.session.token_expires,
        reminded_at=simulator.clock.now().timestamp(),
    )


def _change_types(properties: dict[str, Any]) -> str:
    text = str(properties.get("changeType", ""))
    if not text or {one.strip().lower() for one in text.split(",")} - _KINDS:
        raise _invalid("The value of 'changeType' is invalid.")
    return text


def _watched(call: Call, resource: str) -> tuple[int | None, str]:
    """Return the number of the folder, None for all of them, and the resource's query."""
    found = _RESOURCE.fullmatch(resource)
    if found is None:
        raise not_covered(f"subscriptions to '{resource}'")
    user = call.session.user
    if found["user"] and found["user"].lower() not in (user.id, user.address.lower()):
        raise access_denied()
    number = call.mailbox.folder(found["folder"]).number if found["folder"] else None
    return number, found["query"] or ""


def _select(properties: dict[str, Any], query: str) -> tuple[str, ...]:
    """Return the properties that notifications are to carry; none unless resource data is asked for."""
    options = {name.lower(): value for name, value in parse_qsl(query, keep_blank_values=True)}
    if properties.get("includeResourceData") is not True:
        if options:
            raise not_covered(f"subscriptions with the query '{query}'")
        return ()
    if forbidden := sorted(_NEVER_WITH_DATA & set(options)):
        raise _invalid(f"The query options {forbidden} are not supported in the resource of a subscription.")
    if unknown := sorted(set(options) - {"$select"}):
        raise not_covered(f"subscriptions with {unknown} in the resource")
    if not options.get("$select"):
        raise _invalid("A resource with includeResourceData must have $select.")
    try:
        return selected(options["$select"])
    except ValueError as exc:
        raise _invalid(str(exc)) from exc


def _certificate(properties: dict[str, Any]) -> tuple[str, str]:
    certificate, certificate_id = (properties.get(f"encryptionCertificate{tail}") for tail in ("", "Id"))
    if not isinstance(certificate, str) or not isinstance(certificate_id, str):
        raise _invalid("Resource data needs both an encryptionCertificate and an encryptionCertificateId.")
    if not 0 < len(certificate_id) <= CERTIFICATE_ID_LENGTH:
        raise _invalid(f"The value of 'encryptionCertificateId' may have {CERTIFICATE_ID_LENGTH} characters.")
    try:
        public_key_of(certificate)
    except CertificateRefused as exc:
        raise _invalid(str(exc)) from exc
    return certificate, certificate_id


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


def _expiry(simulator: Simulator, properties: dict[str, Any], *, is_rich: bool) -> float:
    """Return when it ends; less than 45 minutes become 45."""
    try:
        expires = moment_from(str(properties.get("expirationDateTime"))).timestamp()
    except ValueError as exc:
        raise bad_request("The value of 'expirationDateTime' is invalid.") from exc
    now = simulator.clock.now().timestamp()
    if expires <= now:
        raise _invalid("The value of 'expirationDateTime' must be in the future.")
    longest = LONGEST_RICH_MINUTES if is_rich else LONGEST_MINUTES
    if expires > now + longest * 60:
        message = f"Subscription expiration can only be {longest} minutes in the future."
        raise ServiceError(400, "ExtensionError", message)
    return max(expires, now + SHORTEST_MINUTES * 60)


async def _shake_hands(simulator: Simulator, url: str) -> None:
    problem = await simulator.delivery.webhooks.validate(url, HANDSHAKE_SECONDS)
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
