"""main.bicepparam gives what main.bicep asks for, from azd's environment."""

import pytest

from dev.infra.bicep import INFRA, read_template
from dev.infra.parameter_file import parameter_faults

TEXT = (INFRA / "main.bicepparam").read_text()


@pytest.mark.parametrize(
    ("line", "planted", "expected"),
    [
        ("param location = readEnvironmentVariable('AZURE_LOCATION')", "", ":1: location is missing"),
        ("param location =", "param locaton =", "main.bicep has no parameter locaton"),
        (
            "param secretValues = json(readEnvironmentVariable",
            "param secretValues = json(string",
            "from the environment",
        ),
        ("'MAIL_SECRET_VALUES', '{}'))\nparam not", "'MAIL_SECRET_VALUES', 'x'))\nparam not", "from the environment"),
        ("param location = ", "param location: ", "not understood: param location: "),
        ("int(readEnvironmentVariable('MAIL_ALWAYS_READY', '0'))", "'0'", "alwaysReadyHttp is int, not string"),
        ("'MAIL_PROFILE', 'dev'", "'MAIL_PROFILE', 'test'", "profile may be dev, prod, not 'test'"),
    ],
)
def test_a_parameter_file_that_does_not_fit_is_found(line: str, planted: str, expected: str) -> None:
    assert line in TEXT
    found = parameter_faults(read_template(), TEXT.replace(line, planted, 1))
    assert any(expected in each for each in found), found
    assert all(each.startswith("infra/main.bicepparam:") for each in found)
