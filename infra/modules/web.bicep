// The page. It calls the functions directly, so no backend is linked here and the free plan is enough.

param name string
param location string

resource page 'Microsoft.Web/staticSites@2025-03-01' = {
  name: name
  location: location
  sku: {
    name: 'Free'
    tier: 'Free'
  }
  properties: {
    allowConfigFileUpdates: true
    stagingEnvironmentPolicy: 'Disabled'
  }
}

output name string = page.name
output hostName string = page.properties.defaultHostname
