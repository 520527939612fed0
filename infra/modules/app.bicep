// The functions, on a Flex Consumption plan, and every setting that they read.

param name string
param location string
param identityId string
param identityClientId string
param subnetId string
param zoneRedundant bool
param deploymentContainerUrl string
param blobServiceUri string
param queueServiceUri string
param tableServiceUri string
param telemetryConnectionString string
param webPubSubSecretName string
param microsoftAuthority string
param microsoftClientId string
param publicBaseUrl string
param webBaseUrl string
param allowedOrigins array
param refreshCookieSameSite string
param databaseHost string
param databasePort int
param databaseName string
param databasePoolSize int
param alwaysReadyHttp int
param maximumInstanceCount int
param instanceMemoryMB int
param httpConcurrency int
param operatorDigests object
param notificationCertificateName string
param keyVaultUri string

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: 'plan-${name}'
  location: location
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
    zoneRedundant: zoneRedundant
  }
}

resource app 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  kind: 'functionapp,linux'
  tags: { 'azd-service-name': 'api' }
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identityId}': {} }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    clientAffinityEnabled: false
    keyVaultReferenceIdentity: identityId
    publicNetworkAccess: 'Enabled' // Graph delivers notifications here
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: deploymentContainerUrl
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: {
        name: 'python'
        version: '3.11'
      }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
        alwaysReady: alwaysReadyHttp == 0 ? [] : [
          {
            name: 'http'
            instanceCount: alwaysReadyHttp
          }
        ]
        triggers: {
          http: { perInstanceConcurrency: httpConcurrency }
        }
      }
    }
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      ftpsState: 'Disabled'
      cors: {
        allowedOrigins: union([webBaseUrl], allowedOrigins)
        supportCredentials: true
      }
    }
  }
}

// Publishing signs in with Entra: no user name and password reach the app.
resource publishingPasswords 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = [for policy in ['ftp', 'scm']: {
  parent: app
  name: policy
  properties: { allow: false }
}]

var publicUrl = empty(publicBaseUrl) ? 'https://${app.properties.defaultHostName}' : publicBaseUrl

var hostSettings = {
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identityClientId
  AzureWebJobsStorage__blobServiceUri: blobServiceUri
  AzureWebJobsStorage__queueServiceUri: queueServiceUri
  AzureWebJobsStorage__tableServiceUri: tableServiceUri
  APPLICATIONINSIGHTS_CONNECTION_STRING: telemetryConnectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
}

// libpq of the psycopg wheel has no certificate directory of its own, so the system's bundle is named. No password: the
// identity's token is one.
var databaseUrl = 'postgresql://mail_app@${databaseHost}:${databasePort}/${databaseName}?sslmode=verify-full&sslrootcert=/etc/ssl/certs/ca-certificates.crt'

// Signing keys, encryption keys, the client secret and the webhook key are not here: the app reads them from the vault
// itself, so that a rotated one is known without a restart.
var productSettings = {
  ALLOWED_ORIGINS: join(allowedOrigins, ',')
  DATABASE_POOL_SIZE: string(databasePoolSize)
  DATABASE_SIGN_IN: 'entra'
  DATABASE_URL: databaseUrl
  KEY_VAULT_URL: keyVaultUri
  MICROSOFT_AUTHORITY: microsoftAuthority
  MICROSOFT_CLIENT_ID: microsoftClientId
  NOTIFICATION_CERTIFICATE_NAME: notificationCertificateName
  OPERATOR_KEYS: string(operatorDigests)
  PUBLIC_BASE_URL: publicUrl
  REFRESH_COOKIE_SAME_SITE: refreshCookieSameSite
  RICH_NOTIFICATIONS: string(!empty(notificationCertificateName))
  WEB_BASE_URL: webBaseUrl
}

var scheduleSettings = {
  AUDIT_SCHEDULE: '0 23 * * * *'
  DELTA_SCHEDULE: '0 */10 * * * *'
  PURGE_SCHEDULE: '0 41 3 * * *'
  RENEWAL_SCHEDULE: '0 */5 * * * *'
  SWEEP_SCHEDULE: '0 * * * * *'
}

var pushSettings = empty(webPubSubSecretName) ? {} : {
  WEB_PUBSUB_CONNECTION_STRING: '@Microsoft.KeyVault(SecretUri=${keyVaultUri}secrets/${webPubSubSecretName})'
}

resource settings 'Microsoft.Web/sites/config@2025-03-01' = {
  parent: app
  name: 'appsettings'
  properties: union(hostSettings, productSettings, scheduleSettings, pushSettings)
}

output name string = app.name
output publicBaseUrl string = publicUrl
