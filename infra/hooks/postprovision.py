"""After resources are made: forget the secrets, bring the database to the newest schema, tell the addresses."""

from infra.hooks.commands import keep, say, value_of
from infra.hooks.database import bring_up_to_date
from infra.hooks.registration import how_to_redirect


def main() -> None:
    if value_of("MAIL_SECRET_VALUES") not in {"", "{}"}:
        keep({"MAIL_SECRET_VALUES": "{}"})  # the vault has them: no file here needs them any more
    say(bring_up_to_date())
    say(how_to_redirect())


if __name__ == "__main__":
    main()
