"""The Functions app: its triggers are in functions/."""

import gc

gc.disable()  # until all is imported: nothing of it is garbage, and looking for some is a tenth of a cold start

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

gc.freeze()  # else the next look would go through all of it
gc.enable()
