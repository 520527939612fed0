using 'main.bicep'

// What a deployment decides, from azd's environment: `azd env set NAME value`. docs/how-to/deploy.md.

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME')
param location = readEnvironmentVariable('AZURE_LOCATION')
param profile = readEnvironmentVariable('MAIL_PROFILE', 'dev')
param pageLocation = readEnvironmentVariable('MAIL_PAGE_LOCATION', 'westeurope')

param microsoftClientId = readEnvironmentVariable('MICROSOFT_CLIENT_ID')
param microsoftTenant = readEnvironmentVariable('MICROSOFT_TENANT', 'common')

// Whoever deploys, unless the name says otherwise; azd knows the id, and not the name.
param databaseAdministratorId = readEnvironmentVariable('AZURE_PRINCIPAL_ID')
param databaseAdministratorName = readEnvironmentVariable('MAIL_DATABASE_ADMINISTRATOR')
param databaseAdministratorType = readEnvironmentVariable('AZURE_PRINCIPAL_TYPE', 'User')
param administratorIpAddress = readEnvironmentVariable('MAIL_ADMINISTRATOR_IP', '')

// A JSON object of name to value, given for one deployment and never stored. Without it the vault stays as it is.
param secretNames = objectKeys(json(readEnvironmentVariable('MAIL_SECRET_VALUES', '{}')))
param secretValues = json(readEnvironmentVariable('MAIL_SECRET_VALUES', '{}'))
param notificationCertificateName = readEnvironmentVariable('MAIL_NOTIFICATION_CERTIFICATE', '')

// Own names for the API and the page on one site: set both, and the cookie to 'strict'.
param publicBaseUrl = readEnvironmentVariable('MAIL_API_URL', '')
param webBaseUrl = readEnvironmentVariable('MAIL_PAGE_URL', '')
param allowedOrigins = json(readEnvironmentVariable('MAIL_ALLOWED_ORIGINS', '[]'))
param refreshCookieSameSite = readEnvironmentVariable('MAIL_REFRESH_COOKIE_SAME_SITE', 'none')

param alwaysReadyHttp = int(readEnvironmentVariable('MAIL_ALWAYS_READY', '0'))
param webPubSubSku = readEnvironmentVariable('MAIL_WEB_PUBSUB', 'Free_F1')
param telemetryDailyGB = int(readEnvironmentVariable('MAIL_TELEMETRY_DAILY_GB', '1'))
param operatorDigests = json(readEnvironmentVariable('MAIL_OPERATORS', '{}'))
param alarmEmail = readEnvironmentVariable('MAIL_ALARM_EMAIL', '')

param zoneRedundant = bool(readEnvironmentVariable('MAIL_ZONE_REDUNDANT', 'true'))
param geoRedundantBackup = bool(readEnvironmentVariable('MAIL_GEO_REDUNDANT_BACKUP', 'false'))
param databaseSku = readEnvironmentVariable('MAIL_DATABASE_SKU', '')
param databaseStorageGB = int(readEnvironmentVariable('MAIL_DATABASE_STORAGE_GB', '32'))
