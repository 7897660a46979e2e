"""A Mosquitto whose calls to the disk strace records, as operations that :mod:`tests.campaigns.powercut.replay` plays again.

Only what concerns the files of one folder is kept. Mosquitto has one thread, so the calls stand in their order.
"""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from gateway.commands.demo.services import Program, Service, dies_with_parent
from tests.campaigns.powercut.recorded_disk import Operation

STRACE: Final = shutil.which("strace")
_OPENS: Final = ("open", "openat", "creat")
_RENAMES: Final = ("rename", "renameat", "renameat2")
_UNLINKS: Final = ("unlink", "unlinkat")
_WRITES: Final = ("write", "writev", "pwrite64")
_SYNCS: Final = ("fsync", "fdatasync")
_CALLS: Final = ",".join(f"?{call}" for call in (*_OPENS, *_RENAMES, *_UNLINKS, *_WRITES, *_SYNCS, "close", "ftruncate"))
_LINE: Final = re.compile(r"^\d+ +(\w+)\((.*)\) += (\d+)(?:<.*>)?$")
_TEXT: Final = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


def traced(service: Service, trace: Path) -> None:
    """Let strace start the service, which ends with it."""
    program = service.program
    options = ["-f", "-xx", "-s", "10000000", "-e", f"trace={_CALLS}", "-e", "signal=none", "-o", str(trace)]
    service.arguments = [*options, *dies_with_parent(), str(program.path), *service.arguments]
    service.program = Program(Path(STRACE or "strace"), program.libraries)


def version(program: Program) -> tuple[int, ...]:
    """The version of a Mosquitto, as it says it."""
    libraries = os.pathsep.join(map(str, program.libraries))
    said = subprocess.run(
        [program.path, "-h"], env={"LD_LIBRARY_PATH": libraries}, capture_output=True, text=True, check=False
    ).stdout
    found = re.match(r"mosquitto version (\d+)\.(\d+)\.(\d+)", said)
    assert found is not None, said
    return tuple(map(int, found.groups()))


def tell(service: Service, number: signal.Signals) -> None:
    """Send a signal to the traced program, not to strace."""
    (child,) = Path(f"/proc/{service.pid}/task/{service.pid}/children").read_text().split()
    os.kill(int(child), number)


def operations(trace: Path, folder: Path, begins_with: Iterable[str] = ()) -> list[Operation]:
    """The operations on files of a folder, up to the last whole line; some were there before."""
    found: list[Operation] = []
    there = set(begins_with)
    opened: dict[str, tuple[str, int]] = {}
    for line in trace.read_text().splitlines():
        match = _LINE.match(line)
        if match is None:
            continue
        call, arguments, result = match.groups()
        texts = [bytes.fromhex(text.replace("\\x", "")) for text in _TEXT.findall(arguments)]
        if call in _OPENS:
            opened.pop(result, None)
            name = _name_in(folder, texts[0])
            if name is None or (call != "creat" and not re.search("O_WRONLY|O_RDWR", arguments)):
                continue
            opened[result] = name, 0
            if name not in there:
                found.append(Operation("create", name))
            elif call == "creat" or "O_TRUNC" in arguments:
                found.append(Operation("truncate", name))
            there.add(name)
        elif call in {*_RENAMES, *_UNLINKS}:
            name, is_rename = _name_in(folder, texts[0]), call in _RENAMES
            if name is not None:
                there.discard(name)
                new = _name_in(folder, texts[-1]) or ""
                there.update({new} if is_rename else ())
                found.append(Operation("rename", name, data=new.encode()) if is_rename else Operation("delete", name))
        elif (descriptor := arguments.partition(",")[0]) in opened:
            found += _of_open_file(call, descriptor, opened, texts, int(result))
    return found


def _of_open_file(
    call: str, descriptor: str, opened: dict[str, tuple[str, int]], texts: list[bytes], result: int
) -> list[Operation]:
    name, offset = opened[descriptor]
    if call in _WRITES:
        opened[descriptor] = name, offset + result
        return [Operation("write", name, offset, b"".join(texts)[:result])]
    if call == "close":  # the next with this number is another file, or a connection
        del opened[descriptor]
    return [Operation("sync", name)] if call in _SYNCS else []


def _name_in(folder: Path, path: bytes) -> str | None:
    found = Path(os.fsdecode(path))
    return found.name if found.parent == folder else None
