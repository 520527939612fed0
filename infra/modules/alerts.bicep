// What wakes a person. docs/how-to/operate.md has a section for each title: what it means and what to do.

param name string
param location string
param workspaceId string
param databaseId string
param email string
param databaseConnectionsMetric string
param databaseConnections int

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = if (!empty(email)) {
  name: 'ag-${name}'
  location: 'global'
  properties: {
    groupShortName: 'mail'
    enabled: true
    emailReceivers: [
      {
        name: 'operators'
        emailAddress: email
        useCommonAlertSchema: true
      }
    ]
  }
}

// Severity 1: mail stops, or soon will. 2: somebody's mail is wrong or late. 3: somebody should look today.
var alarms = [
  {
    name: 'silence'
    title: 'Nothing is heard'
    severity: 1
    minutes: 15
    query: 'AppMetrics | where Name == "mail.accounts" | summarize Value = count()'
    operator: 'LessThan'
    threshold: 1
  }
  {
    name: 'webhooks'
    title: 'Notifications are refused'
    severity: 1
    minutes: 15
    query: 'AppRequests | where Name has_any ("receive_notifications", "receive_lifecycle_notifications") and toint(ResultCode) >= 500 | summarize Value = sum(ItemCount)'
    operator: 'GreaterThan'
    threshold: 5
  }
  {
    name: 'registration'
    title: 'Our registration is refused'
    severity: 1
    minutes: 15
    query: 'AppMetrics | where Name == "mail.jobs.retried" and tostring(Properties["error_code"]) == "provider_misconfigured" | summarize Value = sum(Sum)'
    operator: 'GreaterThan'
    threshold: 0
  }
  {
    name: 'queues'
    title: 'Jobs are not run'
    severity: 1
    minutes: 15
    query: 'let Run = toscalar(AppMetrics | where Name == "mail.job.duration" | summarize sum(ItemCount)); AppMetrics | where Name == "mail.queue.waiting" | summarize Value = min(Max) by Queue = tostring(Properties["queue"]) | where coalesce(Run, 0) == 0'
    operator: 'GreaterThan'
    threshold: 0
  }
  {
    name: 'waiting'
    title: 'Jobs wait too long'
    severity: 2
    minutes: 15
    query: 'AppMetrics | where Name == "mail.queue.age" | summarize Value = min(Max) by Queue = tostring(Properties["queue"])'
    operator: 'GreaterThan'
    threshold: 900
  }
  {
    name: 'late'
    title: 'Mail is late'
    severity: 2
    minutes: 15
    query: 'AppMetrics | where Name in ("mail.notification.late", "mail.notification.lag") | summarize Late = sumif(Sum, Name == "mail.notification.late"), All = sumif(ItemCount, Name == "mail.notification.lag") | where All >= 20 | project Value = 100.0 * Late / All'
    operator: 'GreaterThan'
    threshold: 5
  }
  {
    name: 'poison'
    title: 'Jobs failed for good'
    severity: 2
    minutes: 15
    query: 'AppMetrics | where Name == "mail.jobs.poisoned" | summarize Value = sum(Sum)'
    operator: 'GreaterThan'
    threshold: 0
  }
  {
    name: 'audits'
    title: 'Audits find differences'
    severity: 2
    minutes: 60
    query: 'AppMetrics | where Name == "mail.audit.differences" | summarize Value = sum(Sum)'
    operator: 'GreaterThan'
    threshold: 0
  }
  {
    name: 'subscriptions'
    title: 'Accounts are not notified'
    severity: 2
    minutes: 60
    query: 'AppMetrics | where Name == "mail.accounts.in_trouble" and tostring(Properties["problem"]) == "no_subscription" | summarize Value = min(Max)'
    operator: 'GreaterThan'
    threshold: 0
  }
  {
    name: 'behind'
    title: 'Accounts fall behind'
    severity: 2
    minutes: 60
    query: 'AppMetrics | where Name == "mail.accounts.in_trouble" and tostring(Properties["problem"]) in ("behind", "stalled") | summarize Value = min(Max) by Problem = tostring(Properties["problem"])'
    operator: 'GreaterThan'
    threshold: 0
  }
  {
    name: 'throttling'
    title: 'The provider throttles us'
    severity: 3
    minutes: 60
    query: 'AppMetrics | where Name == "mail.provider.request.duration" | summarize Throttled = sumif(ItemCount, tostring(Properties["http.response.status_code"]) == "429"), All = sum(ItemCount) | where All >= 100 | project Value = 100.0 * Throttled / All'
    operator: 'GreaterThan'
    threshold: 5
  }
  {
    name: 'administrators'
    title: 'Accounts need an administrator'
    severity: 3
    minutes: 60
    query: 'AppMetrics | where Name == "mail.accounts.in_trouble" and tostring(Properties["problem"]) == "needs_admin" | summarize Value = min(Max)'
    operator: 'GreaterThan'
    threshold: 0
  }
]

resource rules 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [for alarm in alarms: {
  name: 'alert-${name}-${alarm.name}'
  location: location
  kind: 'LogAlert'
  properties: {
    displayName: alarm.title
    description: 'docs/how-to/operate.md says what to do.'
    severity: alarm.severity
    enabled: true
    scopes: [workspaceId]
    evaluationFrequency: 'PT15M'
    windowSize: 'PT${alarm.minutes}M'
    autoMitigate: true
    skipQueryValidation: true
    criteria: {
      allOf: [
        {
          query: alarm.query
          timeAggregation: 'Maximum'
          metricMeasureColumn: 'Value'
          operator: alarm.operator
          threshold: alarm.threshold
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    actions: { actionGroups: empty(email) ? [] : [people.id] }
  }
}]

var databaseAlarms = [
  {
    name: 'cpu'
    title: 'The database is busy'
    severity: 3
    metric: 'cpu_percent'
    threshold: 85
  }
  {
    name: 'storage'
    title: 'The database fills up'
    severity: 2
    metric: 'storage_percent'
    threshold: 80
  }
  {
    name: 'connections'
    title: 'The database runs out of connections'
    severity: 2
    metric: databaseConnectionsMetric
    threshold: databaseConnections
  }
]

resource databaseRules 'Microsoft.Insights/metricAlerts@2018-03-01' = [for alarm in databaseAlarms: {
  name: 'alert-${name}-database-${alarm.name}'
  location: 'global'
  properties: {
    description: '${alarm.title}: docs/how-to/operate.md says what to do.'
    severity: alarm.severity
    enabled: true
    scopes: [databaseId]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    autoMitigate: true
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: alarm.name
          metricNamespace: 'Microsoft.DBforPostgreSQL/flexibleServers'
          metricName: alarm.metric
          operator: 'GreaterThan'
          threshold: alarm.threshold
          timeAggregation: 'Average'
        }
      ]
    }
    actions: empty(email) ? [] : [{ actionGroupId: people.id }]
  }
}]
