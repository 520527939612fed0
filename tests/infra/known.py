"""What the rules hold the template against: resource types, roles, functions of the language, limits of the plan."""

from typing import Final

VERSION_BY_TYPE: Final = {
    "Microsoft.Authorization/roleAssignments": "2022-04-01",
    "Microsoft.DBforPostgreSQL/flexibleServers": "2025-08-01",
    "Microsoft.DBforPostgreSQL/flexibleServers/configurations": "2025-08-01",
    "Microsoft.DBforPostgreSQL/flexibleServers/databases": "2025-08-01",
    "Microsoft.DBforPostgreSQL/flexibleServers/firewallRules": "2025-08-01",
    "Microsoft.Insights/actionGroups": "2023-01-01",
    "Microsoft.Insights/components": "2020-02-02",
    "Microsoft.Insights/metricAlerts": "2018-03-01",
    "Microsoft.Insights/scheduledQueryRules": "2023-12-01",
    "Microsoft.Insights/workbooks": "2023-06-01",
    "Microsoft.KeyVault/vaults": "2026-02-01",
    "Microsoft.KeyVault/vaults/secrets": "2026-02-01",
    "Microsoft.ManagedIdentity/userAssignedIdentities": "2024-11-30",
    "Microsoft.OperationalInsights/workspaces": "2026-03-01",
    "Microsoft.SignalRService/webPubSub": "2024-03-01",
    "Microsoft.Storage/storageAccounts": "2025-06-01",
    "Microsoft.Storage/storageAccounts/blobServices": "2025-06-01",
    "Microsoft.Storage/storageAccounts/blobServices/containers": "2025-06-01",
    "Microsoft.Storage/storageAccounts/queueServices": "2025-06-01",
    "Microsoft.Storage/storageAccounts/queueServices/queues": "2025-06-01",
    "Microsoft.Storage/storageAccounts/tableServices": "2025-06-01",
    "Microsoft.Storage/storageAccounts/tableServices/tables": "2025-06-01",
    "Microsoft.Web/serverfarms": "2025-03-01",
    "Microsoft.Web/sites": "2025-03-01",
    "Microsoft.Web/sites/basicPublishingCredentialsPolicies": "2025-03-01",
    "Microsoft.Web/sites/config": "2025-03-01",
    "Microsoft.Web/staticSites": "2025-03-01",
}
"""The newest released version of each type that the template uses, as the public type data had it in August 2026."""

ROLES: Final = {
    "keyVaultSecretsUser": "4633458b-17de-408a-b874-0445c86b69e6",
    "monitoringMetricsPublisher": "3913510d-42f4-4e42-8a64-420c390055eb",
    "storageBlobDataOwner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "storageQueueDataContributor": "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
    "storageTableDataContributor": "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
}
"""Built-in roles that the app may have, by the name that the template gives them."""

FUNCTIONS: Final = frozenset(
    {
        *{"allowed", "description", "maxLength", "maxValue", "minLength", "minValue", "secure"},  # decorators
        *{"concat", "empty", "items", "join", "startsWith", "string", "take", "union", "uriComponent"},
        *{
            "environment",
            "guid",
            "loadTextContent",
            "resourceGroup",
            "subscriptionResourceId",
            "tenant",
            "uniqueString",
        },
    }
)
"""The language's functions that the template uses. A new one is added here once it is known to exist."""

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
