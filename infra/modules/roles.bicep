// What jobs, people and the CI system may do: work in the workspace, start clusters, read and write its blobs, and pull
// images (the CI system also pushes them). Nobody may change the workspace or give rights to others.
param workspaceName string
param storageName string
param registryName string
param jobsPrincipalId string
param ciPrincipalId string
param dataScientists array
param dataScientistType string

var azureMlDataScientist = 'f6c7c914-8db3-469d-8ca1-694a8f32e121'
var azureMlComputeOperator = 'e503ece1-11d0-4e8e-8e2c-7a6c3bf38815'
var storageBlobDataContributor = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
var acrPull = '7f951dda-4ed3-4680-a7ca-43fe172d538d'
var acrPush = '8311e382-0749-4cb8-b61a-304f252e45ec'

var services = empty(ciPrincipalId) ? [] : [ciPrincipalId]
var people = [
  for id in dataScientists: {
    id: id
    type: dataScientistType
  }
]
var workers = concat(
  people,
  map(services, id => {
    id: id
    type: 'ServicePrincipal'
  })
)

resource workspace 'Microsoft.MachineLearningServices/workspaces@2024-10-01' existing = {
  name: workspaceName
}

resource storage 'Microsoft.Storage/storageAccounts@2023-05-01' existing = {
  name: storageName
}

resource registry 'Microsoft.ContainerRegistry/registries@2023-07-01' existing = {
  name: registryName
}

// A job registers the model that it trained.
resource jobsInWorkspace 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(workspace.id, jobsPrincipalId, azureMlDataScientist)
  scope: workspace
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', azureMlDataScientist)
    principalId: jobsPrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource jobsInStorage 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(storage.id, jobsPrincipalId, storageBlobDataContributor)
  scope: storage
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageBlobDataContributor)
    principalId: jobsPrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource jobsInRegistry 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(registry.id, jobsPrincipalId, acrPull)
  scope: registry
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', acrPull)
    principalId: jobsPrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource workersInWorkspace 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for worker in workers: {
    name: guid(workspace.id, worker.id, azureMlDataScientist)
    scope: workspace
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', azureMlDataScientist)
      principalId: worker.id
      principalType: worker.type
    }
  }
]

resource workersOnClusters 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for worker in workers: {
    name: guid(workspace.id, worker.id, azureMlComputeOperator)
    scope: workspace
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', azureMlComputeOperator)
      principalId: worker.id
      principalType: worker.type
    }
  }
]

resource workersInStorage 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for worker in workers: {
    name: guid(storage.id, worker.id, storageBlobDataContributor)
    scope: storage
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageBlobDataContributor)
      principalId: worker.id
      principalType: worker.type
    }
  }
]

resource ciInRegistry 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(ciPrincipalId)) {
  name: guid(registry.id, ciPrincipalId, acrPush)
  scope: registry
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', acrPush)
    principalId: ciPrincipalId
    principalType: 'ServicePrincipal'
  }
}
