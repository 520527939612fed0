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
    **dict.fromkeys(("allowed", "description", "maxLength", "maxValue", "minLength", "minValue", "secure"), "decorator"),
    **dict.fromkeys(("bool", "empty", "startsWith"), "bool"),
    **dict.fromkeys(("environment", "resourceGroup", "subscription", "tenant"), "object"),
    **dict.fromkeys(("concat", "items", "objectKeys"), "array"),
    **dict.fromkeys(("guid", "join", "loadTextContent", "replace", "string", "uniqueString", "uriComponent"), "string"),
    **dict.fromkeys(("readEnvironmentVariable", "subscriptionResourceId"), "string"),
    **dict.fromkeys(("json", "take", "union"), "any"),
    "int": "int",
}
"""The language's functions that the template uses, with what they give. One is added once it is known to exist."""

HARDENED: Final = {
    "Microsoft.Insights/components": {"DisableLocalAuth": "true"},
    "Microsoft.KeyVault/vaults": {"enablePurgeProtection": "true", "enableRbacAuthorization": "true"},
    "Microsoft.Storage/storageAccounts": {
        "allowBlobPublicAccess": "false",
        "allowSharedKeyAccess": "false",
        "minimumTlsVersion": "'TLS1_2'",
        "supportsHttpsTrafficOnly": "true",
    },
    "Microsoft.Web/sites": {
        "httpsOnly": "true",
        "siteConfig.minTlsVersion": "'1.2'",
        "siteConfig.cors.supportCredentials": "true",
    },
    "Microsoft.Web/sites/basicPublishingCredentialsPolicies": {"allow": "false"},
}
"""Properties that must be written out, since a default would be weaker or could change."""

FLEX: Final = {
    "functionAppConfig.runtime.name": "'python'",
    "functionAppConfig.runtime.version": "'3.11'",
    "functionAppConfig.deployment.storage.type": "'blobContainer'",
    "functionAppConfig.deployment.storage.authentication.type": "'UserAssignedIdentity'",
    "functionAppConfig.scaleAndConcurrency.instanceMemoryMB": None,
    "functionAppConfig.scaleAndConcurrency.maximumInstanceCount": None,
    "functionAppConfig.scaleAndConcurrency.triggers.http.perInstanceConcurrency": None,
}
"""
What a Flex Consumption app must say of itself; None stands for any value.

An app in Python that does not say how many requests an instance answers at once gets an instance for each.
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
