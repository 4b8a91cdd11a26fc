// What flowerops needs in Azure: a workspace with its storage, vault, registry and logs, clusters that cost nothing
// while idle, and identities with no more rights than they use. Everything goes into one resource group.
targetScope = 'resourceGroup'

@description('Beginning of every name. Lower case letters and digits.')
@minLength(3)
@maxLength(11)
param name string = 'flowerops'

@description('Which of the two sets of resources this is.')
@allowed(['dev', 'prod'])
param environment string = 'dev'

@description('Where the resources are.')
param location string = resourceGroup().location

@description('Size of the machines of the CPU cluster.')
param cpuSize string = 'Standard_DS3_v2'

@description('Most machines of the CPU cluster.')
@minValue(1)
param cpuMaxNodes int = 2

@description('Size of the machines of the GPU cluster.')
param gpuSize string = 'Standard_NC4as_T4_v3'

@description('Most machines of the GPU cluster; 0 makes none.')
@minValue(0)
param gpuMaxNodes int = 1

@description('LowPriority is cheap and may be taken away, Dedicated is not.')
@allowed(['LowPriority', 'Dedicated'])
param priority string = 'LowPriority'

@description('Seconds after which an idle machine goes, as an ISO 8601 duration.')
param idleTime string = 'PT10M'

@description('Object ids of people or groups who train and deploy.')
param dataScientists array = []

@description('Whether the ids above are of groups or of people.')
@allowed(['Group', 'User'])
param dataScientistType string = 'Group'

@description('Issuer of the tokens of the CI system, for example https://token.actions.githubusercontent.com; empty makes no identity for it.')
param ciIssuer string = ''

@description('Subject of these tokens, for example repo:OWNER/NAME:ref:refs/heads/main.')
param ciSubject string = ''

@description('Closes the resources to the internet and reaches them by private endpoints.')
param privateNetwork bool = false

@description('Address range of the network that the private endpoints are in.')
param addressPrefix string = '10.90.0.0/22'

@description('Days that logs are kept.')
@minValue(30)
param logDays int = 30

@description('Tags of every resource.')
param tags object = {
  application: 'flowerops'
  environment: environment
}

var stem = '${name}-${environment}'
// Names of storage accounts, vaults and registries are the whole world's.
var unique = take(uniqueString(resourceGroup().id, stem), 6)

module identities 'modules/identities.bicep' = {
  name: 'identities'
  params: {
    stem: stem
    location: location
    tags: tags
    ciIssuer: ciIssuer
    ciSubject: ciSubject
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  params: {
    stem: stem
    location: location
    tags: tags
    logDays: logDays
  }
}

module stores 'modules/stores.bicep' = {
  name: 'stores'
  params: {
    storageName: '${name}${environment}${unique}'
    vaultName: '${stem}-${unique}'
    registryName: '${name}${environment}${unique}'
    location: location
    tags: tags
    privateNetwork: privateNetwork
    keepDeleted: environment == 'prod'
  }
}

// The workspace's identity has its rights before the workspace asks for them.
module workspaceRoles 'modules/workspace-roles.bicep' = {
  name: 'workspace-roles'
  params: {
    principalId: identities.outputs.workspacePrincipalId
    storageName: stores.outputs.storageName
    vaultName: stores.outputs.vaultName
    registryName: stores.outputs.registryName
    insightsName: monitoring.outputs.insightsName
  }
}

module workspace 'modules/workspace.bicep' = {
  name: 'workspace'
  params: {
    name: stem
    location: location
    tags: tags
    identityId: identities.outputs.workspaceId
    storageId: stores.outputs.storageId
    vaultId: stores.outputs.vaultId
    registryId: stores.outputs.registryId
    insightsId: monitoring.outputs.insightsId
    privateNetwork: privateNetwork
  }
  dependsOn: [
    workspaceRoles
  ]
}

module clusters 'modules/clusters.bicep' = {
  name: 'clusters'
  params: {
    workspaceName: workspace.outputs.name
    location: location
    tags: tags
    identityId: identities.outputs.jobsId
    cpuSize: cpuSize
    cpuMaxNodes: cpuMaxNodes
    gpuSize: gpuSize
    gpuMaxNodes: gpuMaxNodes
    priority: priority
    idleTime: idleTime
    privateNetwork: privateNetwork
  }
}

module roles 'modules/roles.bicep' = {
  name: 'roles'
  params: {
    workspaceName: workspace.outputs.name
    storageName: stores.outputs.storageName
    registryName: stores.outputs.registryName
    jobsPrincipalId: identities.outputs.jobsPrincipalId
    ciPrincipalId: identities.outputs.ciPrincipalId
    dataScientists: dataScientists
    dataScientistType: dataScientistType
  }
}

module network 'modules/network.bicep' = if (privateNetwork) {
  name: 'network'
  params: {
    stem: stem
    location: location
    tags: tags
    addressPrefix: addressPrefix
    workspaceId: workspace.outputs.id
    storageId: stores.outputs.storageId
    vaultId: stores.outputs.vaultId
    registryId: stores.outputs.registryId
  }
}

@description('SUBSCRIPTION_ID, RESOURCE_GROUP and WORKSPACE_NAME of .env and of the CI system.')
output SUBSCRIPTION_ID string = subscription().subscriptionId
output RESOURCE_GROUP string = resourceGroup().name
output WORKSPACE_NAME string = workspace.outputs.name
output AML_COMPUTE_CLUSTER_NAME string = clusters.outputs.cpuName
output REGISTRY_NAME string = stores.outputs.registryName
@description('The identity that the CI system signs in as; empty when there is none.')
output AZURE_CLIENT_ID string = identities.outputs.ciClientId
output AZURE_TENANT_ID string = tenant().tenantId
