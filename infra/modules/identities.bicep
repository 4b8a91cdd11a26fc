// Three identities: the workspace's own, the jobs', and the CI system's. None has a password.
param stem string
param location string
param tags object
param ciIssuer string
param ciSubject string

resource workspace 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: '${stem}-workspace'
  location: location
  tags: tags
}

resource jobs 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: '${stem}-jobs'
  location: location
  tags: tags
}

resource ci 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = if (!empty(ciIssuer)) {
  name: '${stem}-ci'
  location: location
  tags: tags
}

// Whoever shows a token of this issuer with this subject is the CI identity: workload identity federation.
resource trust 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials@2023-01-31' = if (!empty(ciIssuer)) {
  parent: ci
  name: 'ci'
  properties: {
    issuer: ciIssuer
    subject: ciSubject
    audiences: [
      'api://AzureADTokenExchange'
    ]
  }
}

output workspaceId string = workspace.id
output workspacePrincipalId string = workspace.properties.principalId
output jobsId string = jobs.id
output jobsPrincipalId string = jobs.properties.principalId
output ciPrincipalId string = empty(ciIssuer) ? '' : ci.properties.principalId
output ciClientId string = empty(ciIssuer) ? '' : ci.properties.clientId
