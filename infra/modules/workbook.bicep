// A page of charts in the portal, over the figures that docs/reference/telemetry.md lists.

param name string
param location string
param workspaceId string

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(workspaceId, 'mail')
  location: location
  kind: 'shared'
  properties: {
    displayName: 'Mail (${name})'
    category: 'workbook'
    sourceId: workspaceId
    serializedData: loadTextContent('../workbook.json')
  }
}
