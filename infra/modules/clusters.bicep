// Clusters that have no machine while nothing runs. The CPU cluster's name is the default of AML_COMPUTE_CLUSTER_NAME.
param workspaceName string
param location string
param tags object
param identityId string
param cpuSize string
param cpuMaxNodes int
param gpuSize string
param gpuMaxNodes int
param priority string
param idleTime string
param privateNetwork bool

resource workspace 'Microsoft.MachineLearningServices/workspaces@2024-10-01' existing = {
  name: workspaceName
}

resource cpu 'Microsoft.MachineLearningServices/workspaces/computes@2024-10-01' = {
  parent: workspace
  name: 'flowerops-cpu'
  location: location
  tags: tags
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    computeType: 'AmlCompute'
    disableLocalAuth: true
    properties: {
      vmSize: cpuSize
      vmPriority: priority
      enableNodePublicIp: !privateNetwork
      remoteLoginPortPublicAccess: 'Disabled'
      scaleSettings: {
        minNodeCount: 0
        maxNodeCount: cpuMaxNodes
        nodeIdleTimeBeforeScaleDown: idleTime
      }
    }
  }
}

resource gpu 'Microsoft.MachineLearningServices/workspaces/computes@2024-10-01' = if (gpuMaxNodes > 0) {
  parent: workspace
  name: 'flowerops-gpu'
  location: location
  tags: tags
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    computeType: 'AmlCompute'
    disableLocalAuth: true
    properties: {
      vmSize: gpuSize
      vmPriority: priority
      enableNodePublicIp: !privateNetwork
      remoteLoginPortPublicAccess: 'Disabled'
      scaleSettings: {
        minNodeCount: 0
        maxNodeCount: gpuMaxNodes
        nodeIdleTimeBeforeScaleDown: idleTime
      }
    }
  }
}

output cpuName string = cpu.name
