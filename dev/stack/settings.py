"""The product's settings on this stack, and who decided each of them."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dev.azurite import AzuritePorts
from dev.ports import LOOPBACK
from dev.postgres import DatabaseUrls
from dev.postgres.roles import APPLICATION, OWNER
from dev.stack.keys import StackKeys
from dev.stack.places import Places
from dev.stack.port_choice import StackPorts
from dev.stack.settings_file import persons_values

DATABASE = "mail"
CLIENT_ID = "0c9f8b2e-5a51-4d6c-9d7e-1f6a5b3c2d10"  # of the app that the simulator knows
MIGRATION_URL = "MIGRATION_DATABASE_URL"


def storage_ports(ports: StackPorts) -> AzuritePorts:
    return AzuritePorts(ports.blob, ports.queue, ports.table)


def database_urls(ports: StackPorts, keys: StackKeys) -> DatabaseUrls:
    """Return the URLs of the database in the stack's own server."""

    def url(role: str, password: str) -> str:
        return f"postgresql://{role}:{password}@{LOOPBACK}:{ports.postgres}/{DATABASE}?sslmode=disable"

    return DatabaseUrls(url(OWNER, keys.database_owner), url(APPLICATION, keys.database_application))


def generated_settings(places: Places, ports: StackPorts, keys: StackKeys) -> dict[str, str]:
    """Return the settings with which the product runs on the stack's own parts."""
    simulator = f"https://localhost:{ports.simulator}"
    return {
        "FUNCTIONS_WORKER_RUNTIME": "python",
        "AzureFunctionsJobHost__extensions__queues__maxPollingInterval": "00:00:00.2",  # asking costs nothing here
        "AzureWebJobsStorage": storage_ports(ports).connection_string,
        "DATABASE_URL": database_urls(ports, keys).app_url,
        "GRAPH_BASE_URL": f"{simulator}/v1.0",
        "MICROSOFT_AUTHORITY": f"{simulator}/common",
        "MICROSOFT_CLIENT_ID": CLIENT_ID,
        "MICROSOFT_CLIENT_SECRET": keys.client_secret,
        "TRUSTED_CA_FILE": str(places.authority / "ca.pem"),
        "PUBLIC_BASE_URL": f"http://{LOOPBACK}:{ports.host}",
        "WEB_BASE_URL": f"http://{LOOPBACK}:{ports.page}",
        "JWT_SIGNING_KEYS": keys.jwt_signing_keys,
        "TOKEN_ENCRYPTION_KEYS": keys.token_encryption_keys,
        "AUDIT_SIGNING_KEYS": keys.audit_signing_keys,
        "WEBHOOK_KEY": keys.webhook_key,
        "WEB_PUBSUB_CONNECTION_STRING": (
            f"Endpoint=http://{LOOPBACK}:{ports.pubsub};AccessKey={keys.pubsub_access_key};Version=1.0;"
        ),
    }


@dataclass(frozen=True)
class Decisions:
    """What a person decided, in the environment or in local.settings.json; the environment wins."""

    values: Mapping[str, str]

    @classmethod
    def read(cls, settings_file: Path, sample: Path, names: Mapping[str, str]) -> "Decisions":
        environment = {name: os.environ[name] for name in (*names, MIGRATION_URL) if os.environ.get(name)}
        return cls({**persons_values(settings_file, sample), **environment})

    def _is_decided(self, *names: str) -> bool:
        return any(self.values.get(name) for name in names)

    @property
    def has_database(self) -> bool:
        return self._is_decided("DATABASE_URL")

    @property
    def has_storage(self) -> bool:
        return self._is_decided("AzureWebJobsStorage")

    @property
    def has_provider(self) -> bool:
        return self._is_decided("GRAPH_BASE_URL", "MICROSOFT_AUTHORITY")

    @property
    def has_push(self) -> bool:
        return self._is_decided("WEB_PUBSUB_CONNECTION_STRING")

    def applicable(self, generated: Mapping[str, str]) -> dict[str, str]:
        """Return what is left of our settings: with a provider of the person's, nothing that leads to our simulator."""
        dropped = {"GRAPH_BASE_URL", "MICROSOFT_AUTHORITY", "TRUSTED_CA_FILE"} if self.has_provider else set()
        return {name: value for name, value in generated.items() if name not in dropped}

    def effective(self, generated: Mapping[str, str]) -> dict[str, str]:
        """Return the settings that count."""
        decided = {name: value for name, value in self.values.items() if name != MIGRATION_URL}
        return self.applicable(generated) | decided
