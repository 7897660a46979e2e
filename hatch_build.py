"""Leaves the commit in the package that is built: where that is installed, no git tells it."""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).parent))  # what is built is not installed yet

from gateway.support.commit import WRITTEN, commit_of


class CommitHook(BuildHookInterface[Any]):
    """Adds a file to each package; hatchling calls it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the file, except to what only leads to the checkout."""
        commit = commit_of(Path(self.root))
        if commit and version != "editable":
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.write_text(f"{commit}\n", encoding="ascii")
            build_data["force_include"][str(self._file)] = f"gateway/{WRITTEN}"

    def finalize(self, *_: object) -> None:
        """Leave nothing behind."""
        self._file.unlink(missing_ok=True)

    @property
    def _file(self) -> Path:
        return Path(self.directory, ".commit")
