"""The progress of a copy, in a file that outlives it: whatever kills it, the next one goes on there."""

from pathlib import Path

import msgspec

from gateway.support.config.files import ConfigurationFault
from gateway.support.private_files import read_bytes, replace_file


class JobProgress(msgspec.Struct, omit_defaults=True):
    """The progress of one measurement.

    :ivar copied_ms: all before this time was copied once.
    :ivar first_ms: the first window with points began here; 0: none was found.
    :ivar points: points that were copied, those that were copied again included.
    """

    copied_ms: int = 0
    first_ms: int = 0
    points: int = 0


class CopyProgress(msgspec.Struct):
    """The progress of a copy.

    :ivar route: from where to where; another route begins anew.
    :ivar since_ms: the beginning of what is copied.
    :ivar compared_ms: the time at which the last run that compared everything began; 0: none did.
    :ivar jobs: by measurement.
    """

    route: str
    since_ms: int
    compared_ms: int = 0
    jobs: dict[str, JobProgress] = {}

    def job(self, name: str) -> JobProgress:
        """The progress of a measurement."""
        return self.jobs.setdefault(name, JobProgress(self.since_ms))


class ProgressFile:
    """The file. A kill leaves it as it was before or after a step."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self, route: str, since_ms: int) -> CopyProgress:
        """Take up a copy, or begin one.

        :raises ConfigurationFault: the file cannot be read, or is of something else.
        """
        if not self.path.exists():
            return CopyProgress(route, since_ms)
        try:
            found = msgspec.json.decode(read_bytes(self.path), type=CopyProgress)
        except (OSError, msgspec.MsgspecError) as error:
            raise ConfigurationFault(
                [f"{self.path}: cannot be read ({error}); remove it to copy from the beginning"]
            ) from error
        same = found.route == route and found.since_ms == since_ms
        return found if same else CopyProgress(route, since_ms)

    def save(self, progress: CopyProgress) -> None:
        """Save it; on return it is on disk.

        :raises ConfigurationFault: it cannot be written.
        """
        try:
            replace_file(self.path, msgspec.json.format(msgspec.json.encode(progress)).decode())
        except OSError as error:
            raise ConfigurationFault([f"{self.path}: cannot be written: {error.strerror}"]) from error
