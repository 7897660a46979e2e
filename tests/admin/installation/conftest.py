"""A bundle of this checkout, made once."""

import os
import sys
from pathlib import Path

import pytest

from gateway.admin.installation.bundle import make_bundle


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of this checkout for this machine."""
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return make_bundle(tmp_path_factory.mktemp("bundle"), python, os.uname().machine)
