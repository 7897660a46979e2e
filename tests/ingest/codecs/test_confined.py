"""Machine code in place of a codec would find nothing to open, to connect to, to start or to end."""

import asyncio
import ctypes
import ctypes.util
import errno
import json
import logging
import os
import signal
import struct
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from gateway.core.message import CodecAsk
from gateway.ingest.codecs import confinement
from gateway.ingest.codecs.async_client import AsyncCodecs
from gateway.ingest.codecs.process import SyncCodecs
from gateway.ingest.codecs.protocol import UNCONFINED, CodecAnswer
from gateway.ingest.storage.quarantine_lanes import ReleasedKeys
from gateway.support.clock import WallClock
from tests.processes import children

FOLDER = Path(__file__).parent
GOOD = {"good": "function decodeUplink(input) { return { data: { n: input.fPort } }; }"}
ALL = ("no_new_privs", "Landlock", "limits", "seccomp")
REFUSED = {errno.EPERM, errno.EACCES}
MISSING = [f"{name}: Function not implemented" for name in ALL if name != "limits"]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux confines a codec")


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict[str, int]]:
    """The error number of each attempt under the protections named."""

    @cache
    def under(*protections: str) -> dict[str, int]:
        folder = tmp_path_factory.mktemp("files")
        for name in ("own", "spare"):
            (folder / name).touch()
        command: list[str | Path] = [sys.executable, FOLDER / "attempts.py", folder / "own", *protections]
        done = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)
        if done["missing"]:
            pytest.skip(f"this kernel lacks: {done['missing']}")
        outcomes: dict[str, int] = done["outcomes"]
        return outcomes

    return under


def test_every_attempt_is_refused(tried: Callable[..., dict[str, int]]) -> None:
    assert {name for name, number in tried(*ALL).items() if number not in REFUSED} == set()


def test_without_protections_the_same_attempts_succeed(tried: Callable[..., dict[str, int]]) -> None:
    refused = {name for name, number in tried().items() if number in REFUSED}
    assert refused <= {"set io_uring up"}  # some kernels have it switched off


def test_the_list_of_calls_is_enough_without_landlock(tried: Callable[..., dict[str, int]]) -> None:
    assert set(tried("no_new_privs", "limits", "seccomp").values()) <= REFUSED


def test_landlock_alone_refuses_files_tcp_and_signals_but_not_processes(tried: Callable[..., dict[str, int]]) -> None:
    under = tried("no_new_privs", "Landlock")
    files = {"read a file", "write a file", "make a file", "list a folder", "remove a file"}
    others = {"connect TCP", "bind TCP", "connect to a local socket", "signal the parent"}
    assert {name for name in under if under[name] in REFUSED} >= files | others
    assert {under[name] for name in ("fork", "make a UDP socket")} == {0}  # why there is a filter too


def test_limits_alone_let_nothing_be_opened(tried: Callable[..., dict[str, int]]) -> None:
    under = tried("limits")
    opening = [name for name in under if name.startswith(("make a", "read a", "write a", "list a"))]
    assert {under[name] for name in opening} == {errno.EMFILE}
    assert len(opening) == 8


def test_a_running_child_is_confined_and_has_its_pipe_alone() -> None:
    with SyncCodecs(GOOD) as codecs:
        assert codecs.call(CodecAsk("good", b"", 7, 0)).data == {"n": 7}
        [pid] = children()
        process = Path(f"/proc/{pid}")
        status = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines() if ":\t" in line)
        assert (status["NoNewPrivs"].strip(), status["Threads"].strip()) == ("1", "1")
        if not codecs.unprotected:
            assert status["Seccomp"].strip() == "2"
        assert (process / "stat").read_text().rpartition(")")[2].split()[2:4] == [str(pid)] * 2  # its own group and session
        assert (process / "cwd").readlink() == Path("/")
        names = {entry.partition(b"=")[0] for entry in (process / "environ").read_bytes().split(b"\0") if entry}
        assert names == {b"TZ", b"PYTHONPATH"}
        limits = (process / "limits").read_text()
        for title in ("core file size", "file size", "open files"):
            assert [line.split()[-3:-1] for line in limits.splitlines() if line.startswith(f"Max {title} ")] == [["0", "0"]]
        assert f"Max address space         {confinement.ADDRESS_SPACE_BYTES}" in limits
        opened = {entry.readlink().name.partition(":")[0] for entry in (process / "fd").iterdir() if int(entry.name) != 2}
        assert opened <= {"socket", "memfd"} | {"memfd:codec-progress (deleted)"}


def ask_twice(codecs: AsyncCodecs) -> list[Any]:
    """Ask, end the child, ask the next one."""

    async def answer() -> CodecAnswer:
        future: asyncio.Future[CodecAnswer] = asyncio.get_running_loop().create_future()
        codecs.ask(CodecAsk("good", b"", 1, 0), future.set_result)
        return await asyncio.wait_for(future, 20)

    async def both() -> list[Any]:
        running = asyncio.create_task(codecs.run())
        first = await answer()
        [pid] = children()
        os.kill(pid, signal.SIGKILL)
        second = await answer()
        running.cancel()
        await asyncio.wait([running])
        return [first.data, second.data]

    return asyncio.run(both())


def test_where_nothing_confines_them_no_codec_is_run_and_frames_wait(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("gateway.ingest.codecs.process._PROGRAM", FOLDER / "unprotected_worker.py")
    released: list[str] = []

    async def story() -> None:
        codecs = AsyncCodecs(GOOD, released.append)
        running = asyncio.create_task(codecs.run())
        for _ in range(2):
            future: asyncio.Future[CodecAnswer] = asyncio.get_running_loop().create_future()
            codecs.ask(CodecAsk("good", b"", 1, 0), future.set_result)
            assert await asyncio.wait_for(future, 20) == CodecAnswer(None, fault=UNCONFINED, suspended=True)
            await asyncio.sleep(0)
            assert not children(), "no second one is tried"
        assert (codecs.refused, codecs.unprotected, codecs.restarts, codecs.pending) == (UNCONFINED, MISSING, 0, 0)
        assert not running.done()
        running.cancel()
        await asyncio.wait([running])

    asyncio.run(story())
    assert released == [], "what waits would only come back"
    assert caplog.messages == [f"no codec can be called: {UNCONFINED}"]


def test_one_of_both_protections_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.ingest.codecs.process._PROGRAM", FOLDER / "half_protected_worker.py")
    with SyncCodecs(GOOD) as codecs:
        assert codecs.call(CodecAsk("good", b"", 7, 0)).data == {"n": 7}
        assert [text.partition(":")[0] for text in codecs.unprotected] == ["Landlock"]


def test_a_command_runs_none_where_nothing_confines_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.ingest.codecs.process._PROGRAM", FOLDER / "unprotected_worker.py")
    with SyncCodecs(GOOD) as codecs:
        assert codecs.fault("good") is None
        assert codecs.call(CodecAsk("good", b"", 1, 0)) == CodecAnswer(None, fault=UNCONFINED, suspended=True)
        assert (codecs.refused, codecs.unprotected) == (UNCONFINED, MISSING)
        assert not children()


def test_where_it_is_accepted_codecs_run_on_an_old_kernel_and_what_is_missing_is_told_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("gateway.ingest.codecs.process._PROGRAM", FOLDER / "unprotected_worker.py")
    caplog.set_level(logging.WARNING, "gateway.codecs")
    codecs = AsyncCodecs(GOOD, ReleasedKeys(WallClock()).release, unconfined=True)
    assert codecs.unprotected is None
    assert ask_twice(codecs) == [{"n": 1}] * 2
    assert codecs.unprotected == MISSING
    assert [text for text in caplog.messages if "protection" in text] == [
        "codecs run with less protection than they could: " + "; ".join(MISSING)
    ]


def test_a_command_can_tell_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.ingest.codecs.process._PROGRAM", FOLDER / "unprotected_worker.py")
    with SyncCodecs(GOOD, unconfined=True) as codecs:
        assert codecs.fault("good") is None
        assert (codecs.unprotected, codecs.refused) == (MISSING, "")


@pytest.mark.parametrize(("machine", "bits"), [("armv7l", 64), ("riscv64", 64), ("x86_64", 32)])
def test_another_processor_runs_without_a_filter_and_says_so(machine: str, bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: machine)
    monkeypatch.setattr("sys.maxsize", (1 << bits - 1) - 1)
    with pytest.raises(OSError, match=f"no list of system calls for {machine} "):
        list(confinement.filter_calls())


@pytest.mark.parametrize(
    ("version", "handled", "told"),
    [
        pytest.param(1, [0x1FFF, 0, 0], 5, id="Linux 5.13"),
        pytest.param(2, [0x3FFF, 0, 0], 4, id="Debian 12"),
        pytest.param(4, [0x7FFF, 3, 0], 2, id="Linux 6.7"),
        pytest.param(6, [0xFFFF, 3, 3], 0, id="Linux 6.12"),
        pytest.param(9, [0xFFFF, 3, 3], 0, id="one of the future"),
    ],
)
def test_each_kernel_s_landlock_is_asked_for_all_it_has(
    version: int, handled: list[int], told: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[int]] = []

    def kernel(number: int, first: list[int] | None, *others: ctypes.c_uint32) -> int:
        if number != 444:
            return 0
        if first is None:
            assert [other.value for other in others] == [0, 1], "it is asked for its version"
            return version
        asked.append(list(first))
        return os.dup(2)

    monkeypatch.setattr(confinement, "_system_call", kernel)
    assert len(list(confinement.restrict_with_landlock())) == told
    assert asked == [handled]


def answer_of_filter(program: bytes, arch: int, number: int) -> int:
    """Run a filter as the kernel would."""
    steps = list(struct.iter_unpack("HBBI", program))
    words, place, loaded = {0: number, 4: arch}, 0, 0
    while True:
        code, if_so, if_not, value = steps[place]
        place += 1
        if code == 0x20:
            loaded = words[value]
        elif code == 0x15:
            place += if_so if loaded == value else if_not
        else:
            assert code == 0x06
            return int(value)


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_lets_its_list_through_and_nothing_else(machine: str) -> None:
    column, arch = confinement.MACHINES[machine]
    allowed = {numbers[column] for numbers in confinement.CALLS.values()}
    program = confinement.filter_program(sorted(allowed), arch)
    assert list(struct.iter_unpack("HBBI", program))[-2:] == [(0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7FFF0000)]
    passed = {number for number in range(1000) if answer_of_filter(program, arch, number) == 0x7FFF0000}
    assert passed == allowed
    assert answer_of_filter(program, arch, 0x40000000) == 0x00050001  # of the x32 calls, which carry the same word
    assert {answer_of_filter(program, 0x40000003, number) for number in range(500)} == {0x00050001}  # 32-bit calls


@pytest.mark.skipif(not ctypes.util.find_library("seccomp"), reason="libseccomp is missing; on Debian: libseccomp2")
@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_numbers_of_the_calls_are_those_of_libseccomp(machine: str) -> None:
    resolve = ctypes.CDLL(ctypes.util.find_library("seccomp")).seccomp_syscall_resolve_name_arch
    column, arch = confinement.MACHINES[machine]
    for name, numbers in confinement.CALLS.items():
        assert resolve(ctypes.c_uint32(arch), name.encode()) == numbers[column], name
