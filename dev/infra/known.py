"""What the rules hold the template against: resource types, roles, functions of the language, limits of the plan."""

from collections.abc import Mapping
from typing import Final

ROLES: Final = {
    "keyVaultSecretsUser": "4633458b-17de-408a-b874-0445c86b69e6",
    "monitoringMetricsPublisher": "3913510d-42f4-4e42-8a64-420c390055eb",
    "storageBlobDataOwner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "storageQueueDataContributor": "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
    "storageTableDataContributor": "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
}
"""Built-in roles that the app may have, by the name that the template gives them."""

FUNCTIONS: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        ("allowed", "description", "maxLength", "maxValue", "minLength", "minValue", "secure"), "decorator"
    ),
    **dict.fromkeys(("bool", "empty", "startsWith"), "bool"),
    **dict.fromkeys(("environment", "resourceGroup", "subscription", "tenant"), "object"),
    **dict.fromkeys(("concat", "items", "objectKeys"), "array"),
    **dict.fromkeys(("guid", "join", "loadTextContent", "replace", "string", "uniqueString", "uriComponent"), "string"),
    **dict.fromkeys(("readEnvironmentVariable", "subscriptionResourceId"), "string"),
    **dict.fromkeys(("json", "take", "union"), "any"),
    "int": "int",
}
"""The language's functions that the template uses, with what they give. One is added once it is known to exist."""

HARDENED: Final[Mapping[str, Mapping[str, object]]] = {
    "Microsoft.DBforPostgreSQL/flexibleServers": {
        "authConfig.activeDirectoryAuth": "Enabled",
        "authConfig.passwordAuth": "Disabled",
        "storage.autoGrow": "Enabled",
    },
    "Microsoft.Insights/components": {"DisableLocalAuth": True},
    "Microsoft.KeyVault/vaults": {
        "enablePurgeProtection": True,
        "enableRbacAuthorization": True,
        "enableSoftDelete": True,
        "networkAcls.bypass": "None",
    },
    "Microsoft.Storage/storageAccounts": {
        "allowBlobPublicAccess": False,
        "allowSharedKeyAccess": False,
        "minimumTlsVersion": "TLS1_2",
        "supportsHttpsTrafficOnly": True,
    },
    "Microsoft.Storage/storageAccounts/blobServices/containers": {"publicAccess": "None"},
    "Microsoft.Web/sites": {
        "httpsOnly": True,
        "siteConfig.cors.supportCredentials": True,
        "siteConfig.ftpsState": "Disabled",
        "siteConfig.minTlsVersion": "1.2",
        "siteConfig.scmMinTlsVersion": "1.2",
    },
    "Microsoft.Web/sites/basicPublishingCredentialsPolicies": {"allow": False},
}
"""Properties that must be written out, since a default would be weaker or could change."""

PRIVATE: Final[Mapping[str, Mapping[str, object]]] = {
    "Microsoft.DBforPostgreSQL/flexibleServers": {
        "network.publicNetworkAccess": "Disabled",
        "network.delegatedSubnetResourceId": None,
        "network.privateDnsZoneArmResourceId": None,
        "highAvailability.mode": "ZoneRedundant",
    },
    "Microsoft.KeyVault/vaults": {"publicNetworkAccess": "Disabled", "networkAcls.defaultAction": "Deny"},
    "Microsoft.Storage/storageAccounts": {"publicNetworkAccess": "Disabled", "networkAcls.defaultAction": "Deny"},
    "Microsoft.Web/serverfarms": {"zoneRedundant": True},
    "Microsoft.Web/sites": {"virtualNetworkSubnetId": None},
}
"""What the profile prod must have besides; None stands for any value."""

FLEX: Final[Mapping[str, object]] = {
    "functionAppConfig.runtime.name": "python",
    "functionAppConfig.runtime.version": "3.11",
    "functionAppConfig.deployment.storage.type": "blobContainer",
    "functionAppConfig.deployment.storage.authentication.type": "UserAssignedIdentity",
    "functionAppConfig.scaleAndConcurrency.instanceMemoryMB": None,
    "functionAppConfig.scaleAndConcurrency.maximumInstanceCount": None,
    "functionAppConfig.scaleAndConcurrency.triggers.http.perInstanceConcurrency": None,
}
"""
What a Flex Consumption app must say of itself; None stands for any value.

An app in Python that does not say how many requests an instance answers at once gets an instance for each. Each queue
and each timer function has instances of its own whatever is said: nothing has to be set for that.
"""

FLEX_FORBIDDEN: Final = (
    "ENABLE_ORYX_BUILD",
    "FUNCTIONS_EXTENSION_VERSION",
    "FUNCTIONS_MAX_HTTP_CONCURRENCY",
    "FUNCTIONS_WORKER_PROCESS_COUNT",
    "FUNCTIONS_WORKER_RUNTIME",
    "SCM_DO_BUILD_DURING_DEPLOYMENT",
    "TZ",
    "WEBSITE_CONTENT",
    "WEBSITE_MAX_DYNAMIC_APPLICATION_SCALE_OUT",
    "WEBSITE_RUN_FROM_PACKAGE",
    "WEBSITE_TIME_ZONE",
    "WEBSITE_VNET_ROUTE_ALL",
)
"""Settings that the plan refuses, with whatever begins so (WEBSITE_CONTENTSHARE, FUNCTIONS_WORKER_RUNTIME_VERSION)."""

CONNECTIONS: Final[Mapping[str, int]] = {
    "Standard_B1ms": 35,
    "Standard_B2s": 414,
    "Standard_D2ds_v5": 844,
    "Standard_D4ds_v5": 1703,
    "Standard_D8ds_v5": 3422,
}
"""Connections that a size of server has for its users: its default max_connections less the 15 that Azure keeps."""

PGBOUNCER_PORT: Final = 6432
PGBOUNCER_CONNECTIONS: Final = 5_000
"""Its default max_client_conn. The burstable tier has no PgBouncer."""

OUTPUTS: Final = frozenset(
    {
        *("APP_IDENTITY_NAME", "APP_PRINCIPAL_ID", "AZURE_LOCATION", "AZURE_RESOURCE_GROUP", "DATABASE_HOST"),
        *("DATABASE_NAME", "FUNCTION_APP_NAME", "KEY_VAULT_NAME", "KEY_VAULT_URL", "MIGRATION_SUBNET_ID"),
        *("PUBLIC_BASE_URL", "REDIRECT_URI", "STATIC_WEB_APP_NAME", "WEB_BASE_URL"),
    }
)
"""What azd's hooks and the workflows read of a deployment."""

TAGS: Final[Mapping[str, tuple[str, str]]] = {
    "Microsoft.Resources/resourceGroups": ("azd-env-name", "a1-b2c3d4-e5"),
    "Microsoft.Web/sites": ("azd-service-name", "api"),
    "Microsoft.Web/staticSites": ("azd-service-name", "web"),
}
"""By which azd finds what it made: the tag and its value, for the environment of the evaluation's sample."""

ENDPOINTS: Final[Mapping[str, tuple[str, ...]]] = {
    "Microsoft.Storage/storageAccounts": ("blob", "queue", "table"),
    "Microsoft.KeyVault/vaults": ("vault",),
}
"""Parts that the app reaches, each by a private endpoint when the public address is closed."""
