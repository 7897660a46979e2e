"""The databases of reports, for the command that prints them."""

from tests.monitoring.reports.conftest import _seen_at_once, filled  # noqa: F401 - fixtures
