using 'main.bicep'

// What a person decides. Secrets come from the environment, never from this file: docs/how-to/deploy.md.

param name = 'mail'
param pageLocation = 'westeurope'
param administratorIpAddress = readEnvironmentVariable('ADMINISTRATOR_IP_ADDRESS', '')

param microsoftTenant = 'common'
param microsoftClientId = readEnvironmentVariable('MICROSOFT_CLIENT_ID')
param microsoftClientSecret = readEnvironmentVariable('MICROSOFT_CLIENT_SECRET')

param jwtSigningKeys = readEnvironmentVariable('JWT_SIGNING_KEYS')
param tokenEncryptionKeys = readEnvironmentVariable('TOKEN_ENCRYPTION_KEYS')
param auditSigningKeys = readEnvironmentVariable('AUDIT_SIGNING_KEYS')
param webhookKey = readEnvironmentVariable('WEBHOOK_KEY')

param databaseAdministratorPassword = readEnvironmentVariable('DATABASE_ADMINISTRATOR_PASSWORD')
param databaseAppPassword = readEnvironmentVariable('DATABASE_APP_PASSWORD')

// Own names for the API and the page on one site: set both, and the cookie to 'strict'.
param publicBaseUrl = ''
param webBaseUrl = ''
param refreshCookieSameSite = 'none'

// Flags and the like come with their notifications when this names a certificate in the vault: docs/how-to/deploy.md.
param notificationCertificateName = ''

// Where alarms go; '' shows them in the portal only.
param alarmEmail = ''

// 'Free_F1' or 'Standard_S1' pushes changes to open pages; '' lets them poll.
param webPubSubSku = 'Free_F1'
