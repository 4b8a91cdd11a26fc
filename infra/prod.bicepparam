using './main.bicep'

param environment = 'prod'
param name = 'flowerops'
param cpuMaxNodes = 4
param gpuMaxNodes = 2
param priority = 'Dedicated'
param privateNetwork = false
param logDays = 90
param dataScientists = []
param ciIssuer = ''
param ciSubject = ''
