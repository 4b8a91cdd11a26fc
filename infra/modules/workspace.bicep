// The Azure Machine Learning workspace.
param name string
param location string
param tags object
param identityId string
param storageId string
param vaultId string
param registryId string
param insightsId string
param privateNetwork bool

resource workspace 'Microsoft.MachineLearningServices/workspaces@2024-10-01' = {
  name: name
  location: location
  tags: tags
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    friendlyName: name
    description: 'Photos, trainings, models and endpoints of flowerops.'
    primaryUserAssignedIdentity: identityId
    storageAccount: storageId
    keyVault: vaultId
    containerRegistry: registryId
    applicationInsights: insightsId
    publicNetworkAccess: privateNetwork ? 'Disabled' : 'Enabled'
    // Clusters and endpoints in a network of the workspace's own, which reaches the stores by private endpoints.
    managedNetwork: {
      isolationMode: privateNetwork ? 'AllowInternetOutbound' : 'Disabled'
    }
  }
}

output id string = workspace.id
output name string = workspace.name
