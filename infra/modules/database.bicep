// PostgreSQL. Its roles and its schema are made afterwards: infra/roles.sql, then the migrations.

param name string
param location string
param databaseName string
param administratorId string
param administratorName string
param administratorType string
param administratorIpAddress string
param sku string
param storageGB int
param backupDays int
param geoRedundantBackup bool
param zoneRedundant bool
param pooled bool

@description('Delegated to the server. Empty: the server has a public address behind a firewall.')
param subnetId string

param zoneId string

var tier = startsWith(sku, 'Standard_B') ? 'Burstable' : startsWith(sku, 'Standard_E') ? 'MemoryOptimized' : 'GeneralPurpose'
var private = !empty(subnetId)

resource server 'Microsoft.DBforPostgreSQL/flexibleServers@2025-08-01' = {
  name: name
  location: location
  sku: {
    name: sku
    tier: tier
  }
  properties: {
    version: '18'
    authConfig: {
      activeDirectoryAuth: 'Enabled'
      passwordAuth: 'Disabled'
      tenantId: tenant().tenantId
    }
    storage: {
      storageSizeGB: storageGB
      autoGrow: 'Enabled'
    }
    backup: {
      backupRetentionDays: backupDays
      geoRedundantBackup: geoRedundantBackup ? 'Enabled' : 'Disabled'
    }
    highAvailability: { mode: zoneRedundant ? 'ZoneRedundant' : 'Disabled' }
    network: private ? {
      delegatedSubnetResourceId: subnetId
      privateDnsZoneArmResourceId: zoneId
      publicNetworkAccess: 'Disabled'
    } : { publicNetworkAccess: 'Enabled' }
  }
}

// The server takes one change at a time: each of the following waits for the one before.
resource administrator 'Microsoft.DBforPostgreSQL/flexibleServers/administrators@2025-08-01' = {
  parent: server
  name: administratorId
  properties: {
    principalName: administratorName
    principalType: administratorType
    tenantId: tenant().tenantId
  }
}

resource onlyTls 'Microsoft.DBforPostgreSQL/flexibleServers/configurations@2025-08-01' = {
  parent: server
  name: 'require_secure_transport'
  properties: {
    source: 'user-override'
    value: 'on'
  }
  dependsOn: [administrator]
}

resource pooling 'Microsoft.DBforPostgreSQL/flexibleServers/configurations@2025-08-01' = if (pooled) {
  parent: server
  name: 'pgbouncer.enabled'
  properties: {
    source: 'user-override'
    value: 'true'
  }
  dependsOn: [onlyTls]
}

resource poolingMetrics 'Microsoft.DBforPostgreSQL/flexibleServers/configurations@2025-08-01' = if (pooled) {
  parent: server
  name: 'metrics.pgbouncer_diagnostics'
  properties: {
    source: 'user-override'
    value: 'on'
  }
  dependsOn: [pooling]
}

resource database 'Microsoft.DBforPostgreSQL/flexibleServers/databases@2025-08-01' = {
  parent: server
  name: databaseName
  properties: {
    charset: 'UTF8'
    collation: 'en_US.utf8'
  }
  dependsOn: [onlyTls, poolingMetrics]
}

// This address stands for every address inside Azure: without a virtual network the app has none of its own.
resource fromAzure 'Microsoft.DBforPostgreSQL/flexibleServers/firewallRules@2025-08-01' = if (!private) {
  parent: server
  name: 'azure-services'
  properties: {
    startIpAddress: '0.0.0.0'
    endIpAddress: '0.0.0.0'
  }
  dependsOn: [database]
}

resource fromAdministrator 'Microsoft.DBforPostgreSQL/flexibleServers/firewallRules@2025-08-01' = if (!private && !empty(administratorIpAddress)) {
  parent: server
  name: 'administrator'
  properties: {
    startIpAddress: administratorIpAddress
    endIpAddress: administratorIpAddress
  }
  dependsOn: [fromAzure]
}

output id string = server.id
output host string = server.properties.fullyQualifiedDomainName
