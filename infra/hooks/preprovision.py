"""Before resources are made: who administers the database, which application, and the secrets that are missing."""

import json

from infra.hooks.commands import az, keep, say, value_of
from infra.hooks.registration import ensure_client_id
from infra.hooks.secret_values import missing_secrets


def main() -> None:
    _ensure_administrator()
    ensure_client_id()
    made = missing_secrets()
    keep({"MAIL_SECRET_VALUES": json.dumps(made)})
    say(f"Secrets that go into the vault now: {', '.join(made) or 'none, it has them all'}")


def _ensure_administrator() -> None:
    """Take whoever is signed in as the database's administrator, unless azd's environment names somebody."""
    if value_of("MAIL_DATABASE_ADMINISTRATOR"):
        return
    person = az("ad", "signed-in-user", "show", "--query", "{id: id, name: userPrincipalName}")
    keep(
        {
            "AZURE_PRINCIPAL_ID": person["id"],
            "MAIL_DATABASE_ADMINISTRATOR": person["name"],
            "AZURE_PRINCIPAL_TYPE": "User",
        }
    )


if __name__ == "__main__":
    main()
