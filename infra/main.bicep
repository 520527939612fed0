// One deployment of the product, in a resource group of its own. docs/how-to/deploy.md leads through it.

targetScope = 'subscription'

@description('Begins the name of every resource. Lower-case letters and digits, hyphens between them.')
@minLength(2)
@maxLength(12)
param environmentName string

@description('Where everything but the page runs.')
param location string

@description('dev: the cheapest, public behind a firewall. prod: private, and in several zones.')
@allowed(['dev', 'prod'])
param profile string = 'dev'

@description('Where the page is managed. It is served from everywhere; Static Web Apps know five regions.')
@allowed(['centralus', 'eastasia', 'eastus2', 'westeurope', 'westus2'])
param pageLocation string = 'westeurope'

@description('The app registration that people consent to.')
param microsoftClientId string

@description('Who may connect a mailbox: common, organizations, or the id of one tenant.')
param microsoftTenant string = 'common'

@description('The Entra object that administers the database: makes its roles and runs the migrations.')
param databaseAdministratorId string

@description('Its user name or display name, by which it signs in.')
param databaseAdministratorName string

@allowed(['Group', 'ServicePrincipal', 'User'])
param databaseAdministratorType string = 'User'

@description('In dev, from which address the database is administered. Empty: from nowhere.')
param administratorIpAddress string = ''

@description('Which secrets this deployment writes into the vault. Empty: the vault stays as it is.')
param secretNames array = []

@description('The values of secretNames, by name.')
@secure()
param secretValues object = {}

@description('A certificate in the vault, for which Graph encrypts what changed and sends it along with its notifications. Empty: notifications only name messages.')
param notificationCertificateName string = ''

@description('Where Graph and browsers reach the API, without /api. Empty: the name that Azure gives.')
param publicBaseUrl string = ''

@description('Where people open the page. Empty: the name that Azure gives.')
param webBaseUrl string = ''

@description('Other pages that may call the API with credentials.')
param allowedOrigins array = []

@description('strict needs the page and the API on one site, such as mail.example.com and api.example.com. Azure\'s own names are two sites.')
@allowed(['none', 'strict'])
param refreshCookieSameSite string = 'none'

@description('Instances that wait for requests, so that none meets a cold start. They are paid for while they wait.')
@minValue(0)
@maxValue(20)
param alwaysReadyHttp int = 0

@description('Pushes changes to open pages. Empty: pages poll. The free tier holds 20 connections.')
@allowed(['', 'Free_F1', 'Standard_S1'])
param webPubSubSku string = ''

@description('Above this a day\'s telemetry is dropped. Logs can cost more than everything else.')
@minValue(1)
param telemetryDailyGB int = 1

@description('Who may call the operator API: name to the SHA-256 of that person\'s key, in hexadecimal. Empty: nobody.')
param operatorDigests object = {}

@description('Who is written to when an alarm goes off. Empty: alarms are only shown in the portal.')
param alarmEmail string = ''

@description('Off for a region without availability zones: then prod, too, is in one place.')
param zoneRedundant bool = true

@description('Backups of the database in the paired region too. It can only be chosen when the server is made.')
param geoRedundantBackup bool = false

@description('Another size of server than the profile\'s. Raise databaseStorageGB, never lower it.')
param databaseSku string = ''

@minValue(32)
param databaseStorageGB int = 32

// All that differs between the profiles. Connections that can be open at once: each of five groups of functions that
// are ever busy together (HTTP and four queues) on maximumInstanceCount instances, and five timers on one each.
var profiles = {
  dev: {
    private: false
    zoneRedundant: false
    databaseSku: 'Standard_B1ms' // takes 35 connections: (5 x 2 + 5) x 2 = 30
    databasePort: 5432 // the burstable tier has no PgBouncer
    databaseBackupDays: 7
    databasePoolSize: 2
    databaseConnectionsMetric: 'active_connections'
    databaseConnectionsAlarm: 28
    instanceMemoryMB: 512
    maximumInstanceCount: 2
    httpConcurrency: 16
    storageRetentionDays: 7
    pageSku: 'Free'
  }
  prod: {
    private: true
    zoneRedundant: true
    databaseSku: 'Standard_D2ds_v5'
    databasePort: 6432 // PgBouncer, which takes 5,000 connections: (5 x 100 + 5) x 4 = 2,020
    databaseBackupDays: 35
    databasePoolSize: 4
    databaseConnectionsMetric: 'client_connections_waiting' // for one of PgBouncer's to the server
    databaseConnectionsAlarm: 20
    instanceMemoryMB: 2048
    maximumInstanceCount: 100
    httpConcurrency: 16
    storageRetentionDays: 30
    pageSku: 'Standard'
  }
}

var chosen = profiles[profile]
var private = chosen.private
var zones = chosen.zoneRedundant && zoneRedundant
var suffix = take(uniqueString(subscription().id, environmentName, location), 8)
var databaseName = 'mail'
var pushes = !empty(webPubSubSku)

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: { 'azd-env-name': environmentName }
}

module identity 'modules/identity.bicep' = {
  name: 'identity'
  scope: group
  params: {
    name: 'id-${environmentName}-${suffix}'
    location: location
  }
}

module network 'modules/network.bicep' = if (private) {
  name: 'network'
  scope: group
  params: {
    name: '${environmentName}-${suffix}'
    location: location
  }
}

module telemetry 'modules/telemetry.bicep' = {
  name: 'telemetry'
  scope: group
  params: {
    name: '${environmentName}-${suffix}'
    location: location
    principalId: identity.outputs.principalId
    dailyGB: telemetryDailyGB
  }
}

module workbook 'modules/workbook.bicep' = {
  name: 'workbook'
  scope: group
  params: {
    name: environmentName
    location: location
    workspaceId: telemetry.outputs.workspaceId
  }
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  scope: group
  params: {
    name: 'st${replace(environmentName, '-', '')}${suffix}'
    location: location
    principalId: identity.outputs.principalId
    sku: zones ? 'Standard_ZRS' : 'Standard_LRS'
    retentionDays: chosen.storageRetentionDays
    public: !private
  }
}

module vault 'modules/vault.bicep' = {
  name: 'vault'
  scope: group
  params: {
    name: 'kv-${environmentName}-${suffix}'
    location: location
    principalId: identity.outputs.principalId
    secretNames: secretNames
    secretValues: secretValues
    public: !private
  }
}

// What the virtual network must reach without leaving it.
module links 'modules/links.bicep' = if (private) {
  name: 'links'
  scope: group
  params: {
    name: '${environmentName}-${suffix}'
    location: location
    networkId: private ? network!.outputs.id : ''
    subnetId: private ? network!.outputs.endpointSubnetId : ''
    services: [
      {
        part: 'blob'
        zone: 'privatelink.blob.${environment().suffixes.storage}'
        target: storage.outputs.id
      }
      {
        part: 'queue'
        zone: 'privatelink.queue.${environment().suffixes.storage}'
        target: storage.outputs.id
      }
      {
        part: 'table'
        zone: 'privatelink.table.${environment().suffixes.storage}'
        target: storage.outputs.id
      }
      {
        part: 'vault'
        zone: 'privatelink.vaultcore.azure.net'
        target: vault.outputs.id
      }
    ]
  }
}

module database 'modules/database.bicep' = {
  name: 'database'
  scope: group
  params: {
    name: 'psql-${environmentName}-${suffix}'
    location: location
    databaseName: databaseName
    administratorId: databaseAdministratorId
    administratorName: databaseAdministratorName
    administratorType: databaseAdministratorType
    administratorIpAddress: administratorIpAddress
    sku: empty(databaseSku) ? chosen.databaseSku : databaseSku
    storageGB: databaseStorageGB
    backupDays: chosen.databaseBackupDays
    geoRedundantBackup: geoRedundantBackup
    zoneRedundant: zones
    pooled: chosen.databasePort == 6432
    subnetId: private ? network!.outputs.databaseSubnetId : ''
    zoneId: private ? network!.outputs.databaseZoneId : ''
  }
}

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  scope: group
  params: {
    name: '${environmentName}-${suffix}'
    location: location
    workspaceId: telemetry.outputs.workspaceId
    databaseId: database.outputs.id
    email: alarmEmail
    databaseConnectionsMetric: chosen.databaseConnectionsMetric
    databaseConnections: chosen.databaseConnectionsAlarm
  }
}

module push 'modules/push.bicep' = if (pushes) {
  name: 'push'
  scope: group
  params: {
    name: 'wps-${environmentName}-${suffix}'
    location: location
    sku: webPubSubSku
    vaultName: vault.outputs.name
  }
}

module web 'modules/web.bicep' = {
  name: 'web'
  scope: group
  params: {
    name: 'stapp-${environmentName}-${suffix}'
    location: pageLocation
    sku: chosen.pageSku
  }
}

var pageUrl = empty(webBaseUrl) ? 'https://${web.outputs.hostName}' : webBaseUrl

module app 'modules/app.bicep' = {
  name: 'app'
  scope: group
  params: {
    name: 'func-${environmentName}-${suffix}'
    location: location
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    subnetId: private ? network!.outputs.appSubnetId : ''
    zoneRedundant: zones
    deploymentContainerUrl: storage.outputs.deploymentContainerUrl
    blobServiceUri: storage.outputs.blobServiceUri
    queueServiceUri: storage.outputs.queueServiceUri
    tableServiceUri: storage.outputs.tableServiceUri
    telemetryConnectionString: telemetry.outputs.connectionString
    keyVaultUri: vault.outputs.uri
    webPubSubSecretName: pushes ? push!.outputs.secretName : ''
    microsoftAuthority: '${environment().authentication.loginEndpoint}${microsoftTenant}'
    microsoftClientId: microsoftClientId
    publicBaseUrl: publicBaseUrl
    webBaseUrl: pageUrl
    allowedOrigins: allowedOrigins
    refreshCookieSameSite: refreshCookieSameSite
    databaseHost: database.outputs.host
    databasePort: chosen.databasePort
    databaseName: databaseName
    databasePoolSize: chosen.databasePoolSize
    alwaysReadyHttp: alwaysReadyHttp
    maximumInstanceCount: chosen.maximumInstanceCount
    instanceMemoryMB: chosen.instanceMemoryMB
    httpConcurrency: chosen.httpConcurrency
    operatorDigests: operatorDigests
    notificationCertificateName: notificationCertificateName
  }
  dependsOn: [links] // else the host looks for its storage at an address that is closed
}

// azd keeps these as the environment of its hooks and of the steps that follow.
output AZURE_LOCATION string = location
output AZURE_RESOURCE_GROUP string = group.name
output APP_IDENTITY_NAME string = identity.outputs.name
output APP_PRINCIPAL_ID string = identity.outputs.principalId
output DATABASE_HOST string = database.outputs.host
output DATABASE_NAME string = databaseName
output FUNCTION_APP_NAME string = app.outputs.name
output KEY_VAULT_NAME string = vault.outputs.name
output KEY_VAULT_URL string = vault.outputs.uri
output MIGRATION_SUBNET_ID string = private ? network!.outputs.migrationSubnetId : ''
output PUBLIC_BASE_URL string = app.outputs.publicBaseUrl
output REDIRECT_URI string = '${app.outputs.publicBaseUrl}/api/oauth/callback/outlook'
output STATIC_WEB_APP_NAME string = web.outputs.name
output WEB_BASE_URL string = pageUrl
