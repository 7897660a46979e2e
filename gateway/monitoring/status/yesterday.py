"""The completeness of the newest day that is closed, as metrics show it."""

from collections.abc import Mapping


class Yesterday:
    """The share of readings that arrived, by domain; empty before the first day was closed."""

    def __init__(self) -> None:
        self.completeness: Mapping[str, float] = {}

    def note(self, completeness: Mapping[str, float]) -> None:
        """Take the shares of the newest day."""
        self.completeness = completeness
