"""The application that people consent to: only a person may register it, so this says how."""

import sys
from typing import Final

from infra.hooks.commands import ROOT, keep, say, stop, value_of

PERMISSIONS: Final = ROOT / "infra" / "hooks" / "permissions.json"
_AUDIENCES: Final = {"common": "AzureADandPersonalMicrosoftAccount", "organizations": "AzureADMultipleOrgs"}
_HOW: Final = """
People connect their mailboxes to an application that you register in Microsoft Entra, once for each environment.
Somebody who may register applications does it with these two commands, or in the Entra admin centre by
docs/how-to/deploy.md:

  az ad app create --display-name "Mail ({environment})" --sign-in-audience {audience} \\
    --required-resource-accesses @{permissions} --query appId --output tsv
  az ad app credential reset --id <what the first printed> --display-name vault --years 1 --query password --output tsv

The first prints the client id, the second the client secret. The redirect URI is known, and told, once there is an app.
"""


def ensure_client_id() -> None:
    """See to it that there is a client id: from azd's environment, else from the person."""
    if value_of("MICROSOFT_CLIENT_ID"):
        return
    say(how_to_register())
    if not sys.stdin.isatty():
        stop("MICROSOFT_CLIENT_ID is not set: `azd env set MICROSOFT_CLIENT_ID <client id>`, then again.")
    client_id = input("The application's client id: ").strip()
    keep({"MICROSOFT_CLIENT_ID": client_id or stop("Without a client id nobody can connect a mailbox.")})


def how_to_register() -> str:
    audience = _AUDIENCES.get(value_of("MICROSOFT_TENANT") or "common", "AzureADMyOrg")
    permissions = PERMISSIONS.relative_to(ROOT).as_posix()
    return _HOW.format(environment=value_of("AZURE_ENV_NAME"), audience=audience, permissions=permissions)


def how_to_redirect() -> str:
    """Say how the application learns where Microsoft sends people back to."""
    return (
        f"Redirect URI:      {value_of('REDIRECT_URI')}\n"
        f"Notifications to:  {value_of('PUBLIC_BASE_URL')}/api/webhooks/graph\n"
        "Give the application this redirect URI, exactly, as platform Web, unless it has it already:\n"
        f"  az ad app update --id {value_of('MICROSOFT_CLIENT_ID')} --web-redirect-uris {value_of('REDIRECT_URI')}"
    )
