using './main.bicep'

param environment = 'dev'
param name = 'flowerops'
param cpuMaxNodes = 2
param gpuMaxNodes = 1
param priority = 'LowPriority'
param privateNetwork = false
param logDays = 30
param dataScientists = []
param ciIssuer = ''
param ciSubject = ''
