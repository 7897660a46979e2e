"""The databases of reports, which ask them what is tried here."""

from tests.monitoring.reports.conftest import _seen_at_once, filled  # noqa: F401 - fixtures
