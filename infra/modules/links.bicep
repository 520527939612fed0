// Private endpoints of storage and vault, and the names under which the virtual network finds them.

param name string
param location string
param networkId string
param subnetId string

@description('Objects with part (blob, queue, table or vault), zone (its DNS zone) and target (the resource\'s id).')
param services array

resource zones 'Microsoft.Network/privateDnsZones@2024-06-01' = [for service in services: {
  name: service.zone
  location: 'global'
}]

resource zoneLinks 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [for (service, i) in services: {
  parent: zones[i]
  name: 'network'
  location: 'global'
  properties: {
    registrationEnabled: false
    virtualNetwork: { id: networkId }
  }
}]

resource endpoints 'Microsoft.Network/privateEndpoints@2025-09-01' = [for service in services: {
  name: 'pep-${name}-${service.part}'
  location: location
  properties: {
    subnet: { id: subnetId }
    privateLinkServiceConnections: [
      {
        name: service.part
        properties: {
          privateLinkServiceId: service.target
          groupIds: [service.part]
        }
      }
    ]
  }
}]

resource names 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2025-09-01' = [for (service, i) in services: {
  parent: endpoints[i]
  name: 'default'
  properties: {
    privateDnsZoneConfigs: [
      {
        name: service.part
        properties: { privateDnsZoneId: zones[i].id }
      }
    ]
  }
  dependsOn: [zoneLinks]
}]
