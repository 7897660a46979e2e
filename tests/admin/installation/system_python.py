"""The Python of the system, which an installation builds its environment with."""

import subprocess
import sys
from typing import Final

PYTHON: Final = "/usr/bin/python3"


def can_build() -> bool:
    """Tell if the Python of the system can build environments, and is the one that the wheels are for."""
    words = [PYTHON, "-c", "import ensurepip, venv, sys; print(sys.version_info[:2])"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return False
    return done.stdout.strip() == str(sys.version_info[:2])
