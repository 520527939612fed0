// Web PubSub holds the pages' WebSockets. Its connection string goes into the vault and nowhere else.

param name string
param location string
param sku string
param vaultName string

resource webPubSub 'Microsoft.SignalRService/webPubSub@2024-03-01' = {
  name: name
  location: location
  sku: {
    name: sku
    capacity: 1
  }
  properties: {
    publicNetworkAccess: 'Enabled'
    tls: { clientCertEnabled: false }
  }
}

resource vault 'Microsoft.KeyVault/vaults@2026-02-01' existing = {
  name: vaultName
}

resource connectionString 'Microsoft.KeyVault/vaults/secrets@2026-02-01' = {
  parent: vault
  name: 'web-pubsub-connection-string'
  properties: { value: webPubSub.listKeys().primaryConnectionString }
}

output secretName string = connectionString.name
