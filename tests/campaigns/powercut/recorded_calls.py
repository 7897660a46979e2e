"""Calls to the system by which the gateway writes its tally, in the place of those of :mod:`os`, recorded with SQLite's own."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Self
from unittest import mock

SUFFIX: Final = ".tally"

Record = Callable[..., None]
Fails = Callable[[Any], bool]


class RecordedCalls:
    """Replaces calls of :mod:`os` for one file of ``folder``; all others pass.

    :param record: told of what is done.
    :param fails: asked before each call, by its kind.
    """

    def __init__(self, folder: Path, record: Record, fails: Fails) -> None:
        self._folder = folder
        self._record = record
        self._fails = fails
        self._names: dict[int, str] = {}
        self._folders: set[int] = set()
        self._real = {name: getattr(os, name) for name in ("open", "pwrite", "fdatasync", "fsync", "close", "unlink")}
        self._patch = mock.patch.multiple(os, **{name: getattr(self, f"_{name}") for name in self._real})

    def __enter__(self) -> Self:
        self._patch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._patch.stop()

    def _is_ours(self, path: object) -> bool:
        return isinstance(path, Path) and path.parent == self._folder and path.suffix == SUFFIX

    def _check(self, call: str) -> None:
        if self._fails(call):
            raise OSError(errno.EIO, f"{call} fails")

    def _open(self, path: Any, flags: int, *args: Any, **kwargs: Any) -> int:  # noqa: ANN401 - as the system has it
        is_ours = self._is_ours(path)
        if is_ours:
            self._check("open")
        is_made = isinstance(path, Path) and path.parent == self._folder and bool(flags & os.O_EXCL)  # empty, for SQLite
        is_new = (is_ours or is_made) and not path.exists()
        descriptor: int = self._real["open"](path, flags, *args, **kwargs)
        if is_new:
            self._record("create", path.name)
        if is_ours:
            self._names[descriptor] = path.name
        elif path == self._folder:
            self._folders.add(descriptor)
        return descriptor

    def _pwrite(self, descriptor: int, data: bytes, offset: int) -> int:
        """A write that fails leaves its first half behind."""
        name = self._names[descriptor]
        failing = self._fails("write")
        written = data[: len(data) // 2] if failing else data
        self._record("write", name, offset, written)
        count: int = self._real["pwrite"](descriptor, written, offset)
        if failing:
            raise OSError(errno.EIO, "write fails")
        return count

    def _fdatasync(self, descriptor: int) -> None:
        name = self._names[descriptor]
        if self._fails("sync"):
            self._record("sync failed", name)
            raise OSError(errno.EIO, "sync fails")
        self._record("sync", name)
        self._real["fdatasync"](descriptor)

    def _fsync(self, descriptor: int) -> None:
        if descriptor in self._folders:
            self._check("sync")
            self._record("sync folder")
        self._real["fsync"](descriptor)

    def _close(self, descriptor: int) -> None:
        self._names.pop(descriptor, None)
        self._folders.discard(descriptor)
        self._real["close"](descriptor)

    def _unlink(self, path: Any, **kwargs: Any) -> None:  # noqa: ANN401 - as the system has it
        if self._is_ours(path) and path.exists():
            self._check("delete")
            self._record("delete", path.name)
        self._real["unlink"](path, **kwargs)
