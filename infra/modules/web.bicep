// The page. It calls the functions directly, so no backend is linked here and no plan asks for more than the domain names need.

param name string
param location string
param sku string

resource page 'Microsoft.Web/staticSites@2025-03-01' = {
  name: name
  location: location
  tags: { 'azd-service-name': 'web' }
  sku: {
    name: sku
    tier: sku
  }
  properties: {
    allowConfigFileUpdates: true
    stagingEnvironmentPolicy: 'Disabled'
  }
}

output name string = page.name
output hostName string = page.properties.defaultHostname
