// The secrets, and who may read them.

param name string
param location string
param principalId string
param secretNames array

@secure()
param secretValues object

param public bool

var roles = {
  keyVaultSecretsUser: '4633458b-17de-408a-b874-0445c86b69e6'
}

resource vault 'Microsoft.KeyVault/vaults@2026-02-01' = {
  name: name
  location: location
  properties: {
    tenantId: tenant().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enablePurgeProtection: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    networkAcls: {
      bypass: 'None'
      defaultAction: public ? 'Allow' : 'Deny'
    }
    publicNetworkAccess: public ? 'Enabled' : 'Disabled'
  }
}

resource secrets 'Microsoft.KeyVault/vaults/secrets@2026-02-01' = [for secretName in secretNames: {
  parent: vault
  name: secretName
  properties: { value: secretValues[secretName] }
}]

resource access 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, principalId, roles.keyVaultSecretsUser)
  scope: vault
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.keyVaultSecretsUser)
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}

output id string = vault.id
output name string = vault.name
output uri string = vault.properties.vaultUri
