// A network whose machines reach the workspace and its stores by private addresses; peer yours with it.
param stem string
param location string
param tags object
param addressPrefix string
param workspaceId string
param storageId string
param vaultId string
param registryId string

var suffix = environment().suffixes.storage
var endpoints = [
  {
    name: 'workspace'
    id: workspaceId
    group: 'amlworkspace'
    zones: ['privatelink.api.azureml.ms', 'privatelink.notebooks.azure.net']
  }
  {
    name: 'blob'
    id: storageId
    group: 'blob'
    zones: ['privatelink.blob.${suffix}']
  }
  {
    name: 'file'
    id: storageId
    group: 'file'
    zones: ['privatelink.file.${suffix}']
  }
  {
    name: 'vault'
    id: vaultId
    group: 'vault'
    zones: ['privatelink.vaultcore.azure.net']
  }
  {
    name: 'registry'
    id: registryId
    group: 'registry'
    zones: ['privatelink.azurecr.io']
  }
]
var zones = flatten(map(endpoints, endpoint => endpoint.zones))

resource network 'Microsoft.Network/virtualNetworks@2024-01-01' = {
  name: '${stem}-network'
  location: location
  tags: tags
  properties: {
    addressSpace: {
      addressPrefixes: [addressPrefix]
    }
    subnets: [
      {
        name: 'endpoints'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 24, 0)
          privateEndpointNetworkPolicies: 'Disabled'
        }
      }
    ]
  }
}

resource zone 'Microsoft.Network/privateDnsZones@2020-06-01' = [
  for name in zones: {
    name: name
    location: 'global'
    tags: tags
  }
]

resource link 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2020-06-01' = [
  for (name, number) in zones: {
    parent: zone[number]
    name: stem
    location: 'global'
    properties: {
      registrationEnabled: false
      virtualNetwork: {
        id: network.id
      }
    }
  }
]

resource endpoint 'Microsoft.Network/privateEndpoints@2024-01-01' = [
  for one in endpoints: {
    name: '${stem}-${one.name}'
    location: location
    tags: tags
    properties: {
      subnet: {
        id: network.properties.subnets[0].id
      }
      privateLinkServiceConnections: [
        {
          name: one.name
          properties: {
            privateLinkServiceId: one.id
            groupIds: [one.group]
          }
        }
      ]
    }
  }
]

resource names 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-01-01' = [
  for (one, number) in endpoints: {
    parent: endpoint[number]
    name: 'default'
    properties: {
      privateDnsZoneConfigs: [
        for zoneName in one.zones: {
          name: replace(zoneName, '.', '-')
          properties: {
            privateDnsZoneId: resourceId('Microsoft.Network/privateDnsZones', zoneName)
          }
        }
      ]
    }
    dependsOn: [
      zone
    ]
  }
]
