// Where photos, models, secrets and images are.
param storageName string
param vaultName string
param registryName string
param location string
param tags object
param privateNetwork bool
@description('Whether what was deleted can be brought back, and the vault cannot be purged.')
param keepDeleted bool

var access = privateNetwork ? 'Disabled' : 'Enabled'
var rule = privateNetwork ? 'Deny' : 'Allow'

resource storage 'Microsoft.Storage/storageAccounts@2023-05-01' = {
  name: storageName
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: 'Standard_LRS'
  }
  properties: {
    allowBlobPublicAccess: false
    // The workspace's own datastores sign in with the account's key, which it keeps in the vault.
    allowSharedKeyAccess: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: access
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: rule
    }
  }

  resource blobs 'blobServices' = {
    name: 'default'
    properties: {
      deleteRetentionPolicy: {
        enabled: keepDeleted
        days: keepDeleted ? 14 : null
      }
    }
  }
}

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' = {
  name: vaultName
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: keepDeleted ? 90 : 7
    // It can be switched on, but never off again; false is refused.
    enablePurgeProtection: keepDeleted ? true : null
    publicNetworkAccess: access
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: rule
    }
  }
}

resource registry 'Microsoft.ContainerRegistry/registries@2023-07-01' = {
  name: registryName
  location: location
  tags: tags
  sku: {
    // Private endpoints are Premium's.
    name: privateNetwork ? 'Premium' : 'Basic'
  }
  properties: {
    adminUserEnabled: false
    publicNetworkAccess: access
  }
}

output storageId string = storage.id
output storageName string = storage.name
output vaultId string = vault.id
output vaultName string = vault.name
output registryId string = registry.id
output registryName string = registry.name
