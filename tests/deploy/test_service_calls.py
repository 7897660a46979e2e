"""The shipped unit's list of system calls is enough for a codec's process to confine itself."""

import ctypes.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "deploy" / "systemd" / "gateway.service"
OF_CONFINEMENT = {"landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self", "seccomp"}
CALL_A_CODEC = """
from gateway.ingest.codecs.process import SyncCodecs
from gateway.core.message import CodecAsk

with SyncCodecs({"good": "function decodeUplink() { return {data: {n: 7}}; }"}) as codecs:
    answer = codecs.call(CodecAsk("good", b"", 1, 0))
    print(answer.data or answer.fault, codecs.unprotected)
"""

needs_systemd = pytest.mark.skipif(
    sys.platform != "linux" or not shutil.which("systemd-analyze") or not ctypes.util.find_library("seccomp"),
    reason="systemd-analyze or libseccomp is missing; on Debian: apt-get install systemd libseccomp2",
)


def listed() -> set[str]:
    """The names of calls and groups that the unit allows."""
    return {name for value in filters() if not value.startswith("~") for name in value.split()}


def allowed() -> set[str]:
    """The calls that the unit leaves, as systemd reads its lines: each adds some or, after a tilde, takes some away."""
    calls: set[str] = set()
    for value in filters():
        named = expanded(set(value.removeprefix("~").split()))
        calls = calls - named if value.startswith("~") else calls | named
    return calls


def filters() -> list[str]:
    lines = UNIT.read_text(encoding="utf-8").splitlines()
    return [line.partition("=")[2] for line in lines if line.startswith("SystemCallFilter=")]


def expanded(names: set[str]) -> set[str]:
    """The calls of groups; not the group that holds Landlock's and is part of another only in the newest systemd."""
    calls, groups = set(), {name for name in names if name.startswith("@")}
    seen = {"@sandbox"}
    while groups - seen:
        group = (groups - seen).pop()
        seen.add(group)
        text = subprocess.run(["systemd-analyze", "syscall-filter", group], capture_output=True, text=True, check=True).stdout
        words = {line.strip() for line in text.splitlines()[1:] if not line.strip().startswith("#")}
        groups |= {word for word in words if word.startswith("@")}
        calls |= words
    return {call for call in calls | names if call and not call.startswith("@")}


def run_under(calls: set[str]) -> str:
    """Call a codec in a program that may make no other calls."""
    command: list[str | Path] = [
        sys.executable,
        Path(__file__).with_name("under_filter.py"),
        sys.executable,
        "-c",
        CALL_A_CODEC,
    ]
    done = subprocess.run(command, input=" ".join(calls), capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


def test_the_unit_names_the_calls_that_confinement_needs() -> None:
    assert listed() >= OF_CONFINEMENT


@needs_systemd
def test_under_the_unit_s_list_a_codec_runs_and_loses_no_protection() -> None:
    without_unit = subprocess.run([sys.executable, "-c", CALL_A_CODEC], capture_output=True, text=True, check=True)
    assert run_under(allowed()) == without_unit.stdout.strip()


@needs_systemd
def test_with_system_service_alone_landlock_would_be_refused() -> None:
    assert run_under(allowed() - OF_CONFINEMENT) == "{'n': 7} ['Landlock: Operation not permitted']"


@needs_systemd
def test_the_unit_takes_away_calls_that_need_rights_or_change_priorities() -> None:
    assert {"chown", "setuid", "setgroups", "capset", "sched_setaffinity"} <= expanded(listed()) - allowed()
