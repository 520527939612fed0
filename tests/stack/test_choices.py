"""Ports, keys and settings: chosen once, found again, and a person's word counts more than ours."""

import json
import socket
import stat
from dataclasses import asdict
from pathlib import Path

import pytest

from dev.stack.keys import stack_keys
from dev.stack.places import LOCAL, Places
from dev.stack.port_choice import DEFAULTS, StackPorts, choose_ports
from dev.stack.settings import Decisions, database_urls, generated_settings
from dev.stack.settings_file import persons_values, write_settings
from shared.settings import Settings

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "local.settings.sample.json"


def test_the_default_ports_are_taken_when_they_are_free() -> None:
    choice = choose_ports({}, free=lambda _port: True)
    assert asdict(choice.ports) == dict(DEFAULTS)
    assert not choice.moved


def test_a_remembered_port_is_taken_again() -> None:
    choice = choose_ports({"host": 20999}, free=lambda _port: True)
    assert choice.ports.host == 20999
    assert not choice.moved


def test_a_part_whose_port_is_taken_moves_and_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        choice = choose_ports({"host": port})
    assert choice.ports.host != port
    assert [
        sentence for sentence in choice.moved if f"port {port} is taken" in sentence and "host listens on" in sentence
    ]


def test_no_two_parts_get_the_same_port() -> None:
    ports = asdict(choose_ports(dict.fromkeys(DEFAULTS, 20999), free=lambda _port: True).ports)
    assert len(set(ports.values())) == len(ports)


def test_keys_are_made_once_and_are_for_their_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "secrets" / "keys.json"
    first = stack_keys(file)
    assert stack_keys(file) == first
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_a_key_that_a_newer_version_needs_is_added_to_the_known_ones(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    known = asdict(stack_keys(file))
    del known["webhook_key"]
    file.write_text(json.dumps(known))
    keys = stack_keys(file)
    assert len(keys.webhook_key) >= 32
    assert keys.jwt_signing_keys == known["jwt_signing_keys"]


def test_every_mail_source_has_a_stack_of_its_own(tmp_path: Path) -> None:
    assert Places.of_mail("spam-assassin").state == LOCAL
    assert len({Places.of_mail(mail).state for mail in ("spam-assassin", "a.mbox", "b.mbox")}) == 3
    assert Places.of_mail("./a.mbox") == Places.of_mail("a.mbox")


def test_the_generated_settings_are_all_that_the_product_asks_for(tmp_path: Path) -> None:
    generated = generated_settings(Places(tmp_path), StackPorts(), stack_keys(tmp_path / "keys.json"))
    settings = Settings.model_validate(
        {name.lower(): json.loads(value) if value.startswith("{") else value for name, value in generated.items()}
    )
    assert settings.public_base_url == "http://127.0.0.1:7071"
    assert len(settings.jwt_signing_keys or {}) == 1


def test_a_generated_value_is_replaced_and_a_persons_stays(tmp_path: Path) -> None:
    file = tmp_path / "local.settings.json"
    write_settings(
        file, SAMPLE, {"PUBLIC_BASE_URL": "http://127.0.0.1:1", "WEBHOOK_KEY": "first"}, {"LocalHttpPort": 1}
    )
    content = json.loads(file.read_text())
    content["Values"] |= {"WEBHOOK_KEY": "mine", "SYNC_LANES": "2"}
    file.write_text(json.dumps(content))
    write_settings(
        file, SAMPLE, {"PUBLIC_BASE_URL": "http://127.0.0.1:2", "WEBHOOK_KEY": "second"}, {"LocalHttpPort": 2}
    )

    content = json.loads(file.read_text())
    assert content["Values"]["PUBLIC_BASE_URL"] == "http://127.0.0.1:2"
    assert content["Host"]["LocalHttpPort"] == 2
    assert persons_values(file, SAMPLE) == {"WEBHOOK_KEY": "mine", "SYNC_LANES": "2"}


def test_a_copy_of_the_sample_decides_nothing(tmp_path: Path) -> None:
    file = tmp_path / "local.settings.json"
    file.write_text(SAMPLE.read_text())
    assert persons_values(file, SAMPLE) == {}


@pytest.mark.parametrize(
    ("name", "fact"),
    [
        ("DATABASE_URL", "has_database"),
        ("AzureWebJobsStorage", "has_storage"),
        ("GRAPH_BASE_URL", "has_provider"),
        ("WEB_PUBSUB_CONNECTION_STRING", "has_push"),
    ],
)
def test_a_persons_value_takes_the_place_of_a_part(name: str, fact: str) -> None:
    assert getattr(Decisions({name: "mine"}), fact)
    assert not getattr(Decisions({}), fact)


def test_with_another_provider_nothing_leads_to_the_simulator(tmp_path: Path) -> None:
    keys = stack_keys(tmp_path / "keys.json")
    decisions = Decisions({"GRAPH_BASE_URL": "https://graph.test/v1.0"})
    settings = decisions.effective(generated_settings(Places(tmp_path), StackPorts(), keys))
    assert settings["GRAPH_BASE_URL"] == "https://graph.test/v1.0"
    assert not settings.keys() & {"MICROSOFT_AUTHORITY", "TRUSTED_CA_FILE"}


def test_the_owners_url_never_reaches_the_product(tmp_path: Path) -> None:
    keys = stack_keys(tmp_path / "keys.json")
    owner_url = database_urls(StackPorts(), keys).owner_url
    decisions = Decisions({"MIGRATION_DATABASE_URL": owner_url})
    settings = decisions.effective(generated_settings(Places(tmp_path), StackPorts(), keys))
    assert owner_url not in settings.values()
