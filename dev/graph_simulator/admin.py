"""The admin API: drives the simulator from tests and by hand. ADMIN.md describes it."""

from dataclasses import asdict, fields, replace

from aiohttp import web

from dev.graph_simulator import admin_bodies as bodies
from dev.graph_simulator.admin_mailbox import MAILBOX_ROUTES
from dev.graph_simulator.admin_requests import AdminRoute, answering, body_of, json_answer, user_of
from dev.graph_simulator.delivery import DeliveryBehaviour
from dev.graph_simulator.entra_settings import AuthorizeFault, TokenFault
from dev.graph_simulator.errors import bad_request
from dev.graph_simulator.faults import Fault
from dev.graph_simulator.mailbox import NotFound
from dev.graph_simulator.simulator import Latency, Simulator
from dev.graph_simulator.subscription_list import Subscription
from dev.graph_simulator.subscriptions import subscription_json

ADMIN_ROOT = "/_admin"


async def health(simulator: Simulator, _: web.Request) -> web.StreamResponse:
    return json_answer({"status": "ready", "time": simulator.clock.now().isoformat()})


async def stats(simulator: Simulator, _: web.Request) -> web.StreamResponse:
    return json_answer(simulator.stats())


async def reset_stats(simulator: Simulator, _: web.Request) -> web.StreamResponse:
    simulator.limits.reset()
    simulator.delivery.counts = type(simulator.delivery.counts)()
    return web.Response(status=204)


async def advance_clock(simulator: Simulator, request: web.Request) -> web.StreamResponse:
    simulator.clock.advance((await body_of(request, bodies.Advance)).seconds)
    simulator.delivery.keep_time()
    return await health(simulator, request)


async def set_clock(simulator: Simulator, request: web.Request) -> web.StreamResponse:
    simulator.clock.skew((await body_of(request, bodies.Skew)).offset_seconds)
    simulator.delivery.keep_time()
    return await health(simulator, request)


async def make_app(simulator: Simulator, request: web.Request) -> web.StreamResponse:
    wanted = await body_of(request, bodies.NewApp)
    return json_answer(asdict(simulator.directory.add_app(wanted.id, wanted.secret, wanted.redirect_uris)), 201)


async def list_apps(simulator: Simulator, _: web.Request) -> web.StreamResponse:
    return json_answer({"apps": [asdict(one) for one in simulator.directory.apps.values()]})


async def make_user(simulator: Simulator, request: web.Request) -> web.StreamResponse:
    wanted = await body_of(request, bodies.NewUser)
    tenant = simulator.directory.add_tenant(wanted.tenant)
    name = wanted.name or wanted.address.partition("@")[0].replace(".", " ").title()
    user = simulator.directory.add_user(wanted.address, name, tenant)
    simulator.mailbox(user)
    return json_answer(asdict(user), 201)


async def list_users(simulator: Simulator, _: web.Request) -> web.StreamResponse:
    return json_answer({"users": [asdict(one) for one in simulator.directory.users.values()]})


async def expire_access_tokens(simulator: Simulator, request: web.Request) -> web.StreamResponse:
    """End every access token of a user; refresh tokens stay good."""
    user = user_of(simulator, request)
    user.tokens_valid_from = simulator.clock.now().timestamp()
    simulator.directory.save_user(user)
    return web.Response(status=204)


async def revoke(simulator: Simulator, request: web.Request) -> web.StreamResponse:
    """Take back every grant of a user: access and refresh tokens."""
    user = user_of(simulator, request)
    mine = [one for one in simulator.grants.grants.values() if one.user == user.id]
    for grant in mine:
        grant.is_revoked = True
        simulator.grants.save(grant)
    simulator.delivery.remove_for(user.id)
    return json_answer({"revoked": len(mine)})


async def change_entra(simulator: Simulator, request: web.Request) -> web.StreamResponse:
    wanted = await body_of(request, bodies.EntraChange)
    simulator.settings.entra = replace(simulator.settings.entra, **wanted.model_dump(exclude_none=True))
    return json_answer(asdict(simulator.settings.entra))


async def add_token_fault(simulator: Simulator, request: web.Request) -> web.StreamResponse:
    wanted = await body_of(request, bodies.NewTokenFault)
    simulator.settings.entra.token_faults.append(TokenFault(**wanted.model_dump()))
    return web.Response(status=204)


async def add_authorize_fault(simulator: Simulator, request: web.Request) -> web.StreamResponse:
    wanted = await body_of(request, bodies.NewAuthorizeFault)
    simulator.settings.entra.authorize_faults.append(AuthorizeFault(**wanted.model_dump()))
    return web.Response(status=204)


async def clear_entra_faults(simulator: Simulator, _: web.Request) -> web.StreamResponse:
    simulator.settings.entra.token_faults.clear()
    simulator.settings.entra.authorize_faults.clear()
    return web.Response(status=204)


async def rotate_keys(simulator: Simulator, _: web.Request) -> web.StreamResponse:
    simulator.keys.rotate()
    return web.Response(status=204)


async def add_fault(simulator: Simulator, request: web.Request) -> web.StreamResponse:
    wanted = await body_of(request, bodies.NewFault)
    simulator.faults.rules.append(Fault(**wanted.model_dump()))
    return web.Response(status=204)


async def list_faults(simulator: Simulator, _: web.Request) -> web.StreamResponse:
    shown = [one.name for one in fields(Fault) if one.name != "dice"]
    return json_answer({"faults": [{name: getattr(one, name) for name in shown} for one in simulator.faults.rules]})


async def clear_faults(simulator: Simulator, _: web.Request) -> web.StreamResponse:
    simulator.faults.rules.clear()
    return web.Response(status=204)


async def begin_outage(simulator: Simulator, request: web.Request) -> web.StreamResponse:
    wanted = await body_of(request, bodies.NewOutage)
    simulator.delivery.outage.begin(wanted.seconds, entra=wanted.entra)
    return web.Response(status=204)


async def change_limits(simulator: Simulator, request: web.Request) -> web.StreamResponse:
    wanted = await body_of(request, bodies.LimitsChange)
    simulator.limits.settings = replace(simulator.limits.settings, **wanted.model_dump(exclude_none=True))
    return json_answer(asdict(simulator.limits.settings))


async def change_latency(simulator: Simulator, request: web.Request) -> web.StreamResponse:
    wanted = await body_of(request, bodies.LatencyChange)
    simulator.settings.latency = Latency(wanted.base, wanted.per_message)
    return json_answer(asdict(simulator.settings.latency))


async def change_delivery(simulator: Simulator, request: web.Request) -> web.StreamResponse:
    wanted = await body_of(request, bodies.DeliveryChange)
    simulator.delivery.behave(replace(simulator.delivery.behaviour, **wanted.model_dump(exclude_none=True)))
    return json_answer(asdict(simulator.delivery.behaviour))


async def reset_delivery(simulator: Simulator, _: web.Request) -> web.StreamResponse:
    simulator.delivery.behave(DeliveryBehaviour())
    return web.Response(status=204)


async def list_subscriptions(simulator: Simulator, _: web.Request) -> web.StreamResponse:
    found = [subscription_json(one) | {"isImmutable": one.is_immutable} for one in simulator.subscriptions.live()]
    return json_answer({"subscriptions": found})


async def send_lifecycle(simulator: Simulator, request: web.Request) -> web.StreamResponse:
    """Send a lifecycle event; `subscriptionRemoved` removes the subscription, as it says."""
    subscription = _subscription(simulator, request)
    event = (await body_of(request, bodies.Lifecycle)).event
    if not simulator.delivery.announce(subscription, event):
        raise bad_request("the subscription has no lifecycleNotificationUrl")
    if event == "subscriptionRemoved":
        simulator.subscriptions.remove(subscription)
    return web.Response(status=204)


async def change_subscription(simulator: Simulator, request: web.Request) -> web.StreamResponse:
    subscription = _subscription(simulator, request)
    wanted = await body_of(request, bodies.SubscriptionChange)
    subscription.expires = simulator.clock.now().timestamp() + wanted.expires_in_seconds
    simulator.subscriptions.save(subscription)
    return json_answer(subscription_json(subscription))


async def remove_subscription(simulator: Simulator, request: web.Request) -> web.StreamResponse:
    """Remove without a word, as the service sometimes does."""
    simulator.subscriptions.remove(_subscription(simulator, request))
    return web.Response(status=204)


def _subscription(simulator: Simulator, request: web.Request) -> Subscription:
    wanted = request.match_info["subscription"]
    found = simulator.subscriptions.get(wanted)
    if found is None:
        raise NotFound(wanted)
    return found


ROUTES: tuple[AdminRoute, ...] = (
    ("GET", "/health", health),
    ("GET", "/stats", stats),
    ("DELETE", "/stats", reset_stats),
    ("PUT", "/clock", set_clock),
    ("POST", "/clock/advance", advance_clock),
    ("POST", "/apps", make_app),
    ("GET", "/apps", list_apps),
    ("POST", "/users", make_user),
    ("GET", "/users", list_users),
    ("POST", "/users/{address}/expire-access-tokens", expire_access_tokens),
    ("POST", "/users/{address}/revoke", revoke),
    ("PATCH", "/entra", change_entra),
    ("POST", "/entra/token-faults", add_token_fault),
    ("POST", "/entra/authorize-faults", add_authorize_fault),
    ("DELETE", "/entra/faults", clear_entra_faults),
    ("POST", "/entra/rotate-keys", rotate_keys),
    ("POST", "/faults", add_fault),
    ("GET", "/faults", list_faults),
    ("DELETE", "/faults", clear_faults),
    ("POST", "/outage", begin_outage),
    ("PATCH", "/limits", change_limits),
    ("PUT", "/latency", change_latency),
    ("PATCH", "/delivery", change_delivery),
    ("DELETE", "/delivery", reset_delivery),
    ("GET", "/subscriptions", list_subscriptions),
    ("PATCH", "/subscriptions/{subscription}", change_subscription),
    ("DELETE", "/subscriptions/{subscription}", remove_subscription),
    ("POST", "/subscriptions/{subscription}/lifecycle", send_lifecycle),
    *MAILBOX_ROUTES,
)


def add_admin_routes(app: web.Application, simulator: Simulator) -> None:
    for method, path, handler in ROUTES:
        app.router.add_route(method, ADMIN_ROOT + path, answering(simulator, handler))
