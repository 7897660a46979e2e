"""Files that ``gateway setup`` writes for a broker, and the passwords in them."""

from pathlib import Path
from typing import Final, NamedTuple

from gateway.commands.printing import show
from gateway.support.config.files import blaming
from gateway.support.folder_owner import as_owner
from gateway.support.private_files import give_to_readers, placed
from schemas.printable import printable

PLAIN_MODE: Final = 0o644


class SetupFile(NamedTuple):
    """A file to write, with the rights of its folder's group."""

    path: Path
    text: str
    mode: int


def show_files(wanted: list[SetupFile]) -> None:
    """Print the files, without what is secret."""
    for file in wanted:
        show(f"# {file.path}")
        print(printable(file.text, layout=True) if file.mode == PLAIN_MODE else "# (secret)\n")


def write_file(file: SetupFile) -> None:
    """Write a file and say so; its folder's owner or group may read it. ConfigurationFault if it cannot be written."""
    with blaming(f"{file.path}: cannot be written"), as_owner(file.path.parent):
        file.path.parent.mkdir(parents=True, exist_ok=True)
        with placed(file.path, file.mode) as opened:
            give_to_readers(opened.fileno(), file.path)
            opened.write(file.text.encode())
    show(f"{file.path}: written")
