"""Tenants, users and applications: who can sign in, and to what."""

import secrets
from dataclasses import asdict, dataclass, field
from uuid import UUID, uuid5

from dev.graph_simulator.store import Store

CONSUMER_TENANT = "9188040d-6c67-4c5b-b112-36a304b66dad"
_NAMES = UUID("6f9b1c70-52c2-4c55-9a3a-0d6a4b0c2f11")  # the namespace from which all ids here are made


@dataclass(slots=True)
class Tenant:
    id: str
    name: str

    @property
    def is_consumer(self) -> bool:
        return self.id == CONSUMER_TENANT


@dataclass(slots=True)
class User:
    """`id` is the object id in its tenant; with the tenant's id it names the user for ever."""

    id: str
    tenant: str
    address: str
    name: str
    tokens_valid_from: float = 0.0  # seconds since 1970; access tokens issued before it are refused


@dataclass(slots=True)
class App:
    """While no redirect URI is registered, any URI on a loopback host is accepted."""

    id: str
    secret: str
    name: str = "Local application"
    redirect_uris: list[str] = field(default_factory=list)


class Directory:
    def __init__(self, store: Store) -> None:
        self._store = store
        self.tenants = {one["id"]: Tenant(**one) for one in store.all("tenant")}
        self.users = {one["id"]: User(**one) for one in store.all("user")}
        self.apps = {one["id"]: App(**one) for one in store.all("app")}

    def add_tenant(self, name: str, tenant_id: str | None = None) -> Tenant:
        """Return the tenant of that name, which is made when there is none."""
        for known in self.tenants.values():
            if known.name.lower() == name.lower():
                return known
        tenant = Tenant(tenant_id or str(uuid5(_NAMES, f"tenant:{name.lower()}")), name)
        self.tenants[tenant.id] = tenant
        self._store.put("tenant", tenant.id, asdict(tenant))
        return tenant

    def add_user(self, address: str, name: str, tenant: Tenant) -> User:
        """Return the user of that address, who is made when there is none."""
        if known := self.user_of(address):
            return known
        user = User(str(uuid5(_NAMES, f"user:{address.lower()}")), tenant.id, address, name)
        self.save_user(user)
        return user

    def add_app(self, app_id: str, secret: str | None, redirect_uris: list[str]) -> App:
        """Return the app, made or brought up to date. Without a secret one is made up, or the known one stays."""
        known = self.apps.get(app_id)
        app = App(app_id, secret or (known.secret if known else secrets.token_urlsafe(24)))
        app.redirect_uris = list(dict.fromkeys([*(known.redirect_uris if known else []), *redirect_uris]))
        self.apps[app.id] = app
        self._store.put("app", app.id, asdict(app))
        return app

    def save_user(self, user: User) -> None:
        self.users[user.id] = user
        self._store.put("user", user.id, asdict(user))

    def user_of(self, address: str) -> User | None:
        """Find a user by address or id, without case."""
        wanted = address.lower()
        return next((one for one in self.users.values() if wanted in (one.address.lower(), one.id)), None)

    def tenant_of(self, path: str) -> Tenant | None:
        """Find the tenant that a URL's first segment names by id or domain."""
        wanted = path.lower()
        return next((one for one in self.tenants.values() if wanted in (one.id, one.name.lower())), None)

    def users_for(self, path: str) -> list[User]:
        """Return who may sign in at an authority: common, organizations, consumers, or one tenant."""
        path = path.lower()
        consumers = [one for one in self.users.values() if one.tenant == CONSUMER_TENANT]
        if path == "common":
            return list(self.users.values())
        if path == "organizations":
            return [one for one in self.users.values() if one.tenant != CONSUMER_TENANT]
        if path == "consumers":
            return consumers
        tenant = self.tenant_of(path)
        return [one for one in self.users.values() if tenant and one.tenant == tenant.id]
