// What one deployment of the product needs in a resource group. docs/how-to/deploy.md leads through it.

targetScope = 'resourceGroup'

@description('Begins the name of every resource. Lower-case letters and digits.')
@minLength(2)
@maxLength(12)
param name string = 'mail'

@description('Where everything but the page runs.')
param location string = resourceGroup().location

@description('Where the page is managed. It is served from everywhere; Static Web Apps know five regions.')
@allowed(['centralus', 'eastasia', 'eastus2', 'westeurope', 'westus2'])
param pageLocation string = 'westeurope'

@description('The app registration that people consent to.')
param microsoftClientId string

@description('Who may connect a mailbox: common, organizations, or the id of one tenant.')
param microsoftTenant string = 'common'

@secure()
param microsoftClientSecret string

@description('JSON object of key id to 32 bytes in base64url. The first key signs access tokens, all verify them.')
@secure()
param jwtSigningKeys string

@description('JSON object like jwtSigningKeys. The first key encrypts mailbox tokens; without the others older ones are lost.')
@secure()
param tokenEncryptionKeys string

@description('JSON object like jwtSigningKeys. The first key signs reports of audits; keep the others, for old reports.')
@secure()
param auditSigningKeys string

@description('A certificate in the vault, for which Graph encrypts what changed and sends it along with its notifications. Empty: notifications only name messages.')
param notificationCertificateName string = ''

@description('Proves that a change notification belongs to a subscription of ours.')
@secure()
@minLength(32)
param webhookKey string

@description('Of the server administrator, who creates the roles and does nothing else.')
@secure()
@minLength(16)
param databaseAdministratorPassword string

@description('Of mail_app, the role that the functions sign in as.')
@secure()
@minLength(16)
param databaseAppPassword string

@description('From which address the roles are created and the migrations run. Empty: from nowhere.')
param administratorIpAddress string = ''

@description('The size of the server decides how many connections it takes: see databasePoolSize.')
param databaseSku string = 'Standard_B2s'

@minValue(32)
param databaseStorageGB int = 32

@description('Connections of one instance. Five groups of functions are ever busy at once (HTTP and four queues), each with up to maximumInstanceCount instances: 5 x 16 x 4 = 320 of the 414 that Standard_B2s has for users.')
@minValue(1)
@maxValue(50)
param databasePoolSize int = 4

@description('Instances of each group of functions.')
@minValue(1)
@maxValue(1000)
param maximumInstanceCount int = 16

@allowed([512, 2048, 4096])
param instanceMemoryMB int = 2048

@description('Requests that one instance answers at once. Python would get 1: it answers them on one event loop.')
@minValue(1)
@maxValue(1000)
param httpConcurrency int = 16

@description('Where Graph and browsers reach the API, without /api. Empty: the name that Azure gives.')
param publicBaseUrl string = ''

@description('Where people open the page. Empty: the name that Azure gives.')
param webBaseUrl string = ''

@description('Other pages that may call the API with credentials.')
param allowedOrigins array = []

@description('strict needs the page and the API on one site, such as mail.example.com and api.example.com. Azure\'s own names are two sites.')
@allowed(['none', 'strict'])
param refreshCookieSameSite string = 'none'

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

@description('Connections to the database that are worth an alarm: four fifths of what its size takes.')
@minValue(10)
param alarmDatabaseConnections int = 330

var suffix = take(uniqueString(resourceGroup().id, name), 8)
var databaseName = 'mail'
var databaseAppRole = 'mail_app'
var pushes = !empty(webPubSubSku)

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'id-${name}-${suffix}'
  location: location
}

module telemetry 'modules/telemetry.bicep' = {
  name: 'telemetry'
  params: {
    name: '${name}-${suffix}'
    location: location
    principalId: identity.properties.principalId
    dailyGB: telemetryDailyGB
  }
}

module workbook 'modules/workbook.bicep' = {
  name: 'workbook'
  params: {
    name: name
    location: location
    workspaceId: telemetry.outputs.workspaceId
  }
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  params: {
    name: 'st${name}${suffix}'
    location: location
    principalId: identity.properties.principalId
  }
}

module database 'modules/database.bicep' = {
  name: 'database'
  params: {
    name: 'psql-${name}-${suffix}'
    location: location
    databaseName: databaseName
    administratorPassword: databaseAdministratorPassword
    administratorIpAddress: administratorIpAddress
    sku: databaseSku
    storageGB: databaseStorageGB
  }
}

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  params: {
    name: '${name}-${suffix}'
    location: location
    workspaceId: telemetry.outputs.workspaceId
    databaseId: database.outputs.id
    email: alarmEmail
    databaseConnections: alarmDatabaseConnections
  }
}

// libpq of the psycopg wheel has no certificate directory of its own, so the system's bundle is named.
var databaseUrl = 'postgresql://${databaseAppRole}:${uriComponent(databaseAppPassword)}@${database.outputs.host}:5432/${databaseName}?sslmode=verify-full&sslrootcert=/etc/ssl/certs/ca-certificates.crt'

module vault 'modules/vault.bicep' = {
  name: 'vault'
  params: {
    name: 'kv-${name}-${suffix}'
    location: location
    principalId: identity.properties.principalId
    secretNames: [
      'audit-signing-keys'
      'database-url'
      'jwt-signing-keys'
      'microsoft-client-secret'
      'token-encryption-keys'
      'webhook-key'
    ]
    secretValues: {
      'audit-signing-keys': auditSigningKeys
      'database-url': databaseUrl
      'jwt-signing-keys': jwtSigningKeys
      'microsoft-client-secret': microsoftClientSecret
      'token-encryption-keys': tokenEncryptionKeys
      'webhook-key': webhookKey
    }
  }
}

module push 'modules/push.bicep' = if (pushes) {
  name: 'push'
  params: {
    name: 'wps-${name}-${suffix}'
    location: location
    sku: webPubSubSku
    vaultName: vault.outputs.name
  }
}

module web 'modules/web.bicep' = {
  name: 'web'
  params: {
    name: 'stapp-${name}-${suffix}'
    location: pageLocation
  }
}

var pageUrl = empty(webBaseUrl) ? 'https://${web.outputs.hostName}' : webBaseUrl

module app 'modules/app.bicep' = {
  name: 'app'
  params: {
    name: 'func-${name}-${suffix}'
    location: location
    identityId: identity.id
    identityClientId: identity.properties.clientId
    deploymentContainerUrl: storage.outputs.deploymentContainerUrl
    blobServiceUri: storage.outputs.blobServiceUri
    queueServiceUri: storage.outputs.queueServiceUri
    tableServiceUri: storage.outputs.tableServiceUri
    telemetryConnectionString: telemetry.outputs.connectionString
    secretsUri: '${vault.outputs.uri}secrets'
    webPubSubSecretName: pushes ? push!.outputs.secretName : ''
    microsoftAuthority: '${environment().authentication.loginEndpoint}${microsoftTenant}'
    microsoftClientId: microsoftClientId
    publicBaseUrl: publicBaseUrl
    webBaseUrl: pageUrl
    allowedOrigins: allowedOrigins
    refreshCookieSameSite: refreshCookieSameSite
    databasePoolSize: databasePoolSize
    maximumInstanceCount: maximumInstanceCount
    instanceMemoryMB: instanceMemoryMB
    httpConcurrency: httpConcurrency
    operatorDigests: operatorDigests
    notificationCertificateName: notificationCertificateName
    keyVaultUri: vault.outputs.uri
  }
}

output functionAppName string = app.outputs.name
output publicBaseUrl string = app.outputs.publicBaseUrl
output redirectUri string = '${app.outputs.publicBaseUrl}/api/oauth/callback/outlook'
output staticWebAppName string = web.outputs.name
output webBaseUrl string = pageUrl
output databaseHost string = database.outputs.host
output databaseAdministrator string = database.outputs.administrator
output keyVaultName string = vault.outputs.name
