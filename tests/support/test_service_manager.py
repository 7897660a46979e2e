"""The words to systemd, and the signs by which it is seen that somebody listens."""

import os
import socket
from pathlib import Path

import pytest

from gateway.support.logs import ServiceManager


def test_somebody_listens_where_there_is_a_socket_or_a_folder_for_the_mark(tmp_path: Path) -> None:
    assert not ServiceManager.of({}).listens
    assert ServiceManager.of({"NOTIFY_SOCKET": str(tmp_path / "socket")}).listens
    assert ServiceManager.of({"RUNTIME_DIRECTORY": str(tmp_path)}).listens


@pytest.mark.parametrize(
    ("pid", "told_us", "watchdog_s"),
    [("", "3000000", 3.0), ("ours", "500000", 0.5), ("1", "3000000", 0.0), ("", "soon", 0.0)],
    ids=["anybody", "us", "another-process", "no-number"],
)
def test_signs_of_life_are_wanted_as_often_as_this_process_was_told(pid: str, told_us: str, watchdog_s: float) -> None:
    assert (
        ServiceManager.of({"WATCHDOG_USEC": told_us, "WATCHDOG_PID": str(os.getpid()) if pid == "ours" else pid}).watchdog_s
        == watchdog_s
    )


def test_what_is_said_arrives_and_a_status_only_once_until_it_changes(tmp_path: Path) -> None:
    address = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(address))
        systemd.settimeout(5)
        manager = ServiceManager.of({"NOTIFY_SOCKET": str(address)})
        manager.ready()
        manager.status("all\nis well")
        manager.status("all\nis well")
        manager.alive()
        manager.stopping()
        told = [systemd.recv(100) for _ in range(4)]
    assert told == [b"READY=1", b"STATUS=all is well", b"WATCHDOG=1", b"STOPPING=1"]
    manager.alive()  # nobody takes it now, which is no fault


def test_the_mark_is_there_while_the_subscriptions_are_confirmed(tmp_path: Path) -> None:
    manager, mark = ServiceManager.of({"RUNTIME_DIRECTORY": f"{tmp_path}:/elsewhere"}), tmp_path / "subscribed"
    for is_subscribed in (False, True, True, False):
        manager.mark_subscribed(is_subscribed=is_subscribed)
        assert mark.exists() == is_subscribed
