"""The Functions app: its triggers are in functions/."""

import azure.functions as func

from functions import (
    accounts,
    audits,
    auth,
    changes,
    connections,
    mail,
    meta,
    operators,
    queues,
    sync,
    timers,
    webhooks,
)

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
for module in (accounts, audits, auth, changes, connections, mail, meta, operators, queues, sync, timers, webhooks):
    app.register_functions(module.bp)
