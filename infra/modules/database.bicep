// PostgreSQL. Its roles and its schema are made afterwards: infra/roles.sql, then the migrations.

param name string
param location string
param databaseName string
param sku string
param storageGB int
param administratorIpAddress string

@secure()
param administratorPassword string

var administrator = 'mail_admin'
var tier = startsWith(sku, 'Standard_B') ? 'Burstable' : startsWith(sku, 'Standard_E') ? 'MemoryOptimized' : 'GeneralPurpose'

resource server 'Microsoft.DBforPostgreSQL/flexibleServers@2025-08-01' = {
  name: name
  location: location
  sku: {
    name: sku
    tier: tier
  }
  properties: {
    version: '18'
    administratorLogin: administrator
    administratorLoginPassword: administratorPassword
    authConfig: {
      activeDirectoryAuth: 'Disabled'
      passwordAuth: 'Enabled'
    }
    storage: {
      storageSizeGB: storageGB
      autoGrow: 'Enabled'
    }
    backup: {
      backupRetentionDays: 7
      geoRedundantBackup: 'Disabled'
    }
    highAvailability: { mode: 'Disabled' }
    network: { publicNetworkAccess: 'Enabled' }
  }
}

// The server takes one change at a time: each of the following waits for the one before.
resource onlyTls 'Microsoft.DBforPostgreSQL/flexibleServers/configurations@2025-08-01' = {
  parent: server
  name: 'require_secure_transport'
  properties: {
    source: 'user-override'
    value: 'on'
  }
}

resource database 'Microsoft.DBforPostgreSQL/flexibleServers/databases@2025-08-01' = {
  parent: server
  name: databaseName
  properties: {
    charset: 'UTF8'
    collation: 'en_US.utf8'
  }
  dependsOn: [onlyTls]
}

// This address stands for every address inside Azure: without a virtual network the app has none of its own.
resource fromAzure 'Microsoft.DBforPostgreSQL/flexibleServers/firewallRules@2025-08-01' = {
  parent: server
  name: 'azure-services'
  properties: {
    startIpAddress: '0.0.0.0'
    endIpAddress: '0.0.0.0'
  }
  dependsOn: [database]
}

resource fromAdministrator 'Microsoft.DBforPostgreSQL/flexibleServers/firewallRules@2025-08-01' = if (!empty(administratorIpAddress)) {
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
output administrator string = administrator
