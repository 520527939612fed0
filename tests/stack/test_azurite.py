"""The Azurite launcher, on real emulators."""

from pathlib import Path

from azure.storage.queue import QueueClient

from dev.azurite import RunningAzurite, start_azurite
from dev.ports import is_free


def test_what_was_sent_is_there_after_a_stop_and_a_start(tmp_path: Path) -> None:
    first = start_azurite(tmp_path / "data", log=tmp_path / "azurite.log")
    with QueueClient.from_connection_string(first.connection_string, "kept") as queue:
        queue.create_queue()
        queue.send_message("hello")
    first.stop()
    assert all(is_free(port) for port in (first.ports.blob, first.ports.queue, first.ports.table))

    again = start_azurite(tmp_path / "data", first.ports, log=tmp_path / "azurite.log")
    with QueueClient.from_connection_string(again.connection_string, "kept") as queue:
        message = queue.receive_message()
    again.kill()
    assert message
    assert message.content == "hello"


def test_the_tests_emulator_answers_the_client_library(azurite: RunningAzurite) -> None:
    with QueueClient.from_connection_string(azurite.connection_string, "test-azurite") as queue:
        queue.create_queue()
        assert queue.get_queue_properties().approximate_message_count == 0
