"""Profiles from their files, for tests to which a faulty file is a fault."""

from pathlib import Path

from gateway.support.config.bundled_profiles import SHIPPED
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.profile_files import Loaded, read_profiles


def load_profiles(local: Path | None, shipped: Path = SHIPPED) -> Loaded:
    """Return the profiles and envelopes of a utility, and those that are shipped, when all of them are sound.

    :raises ConfigurationFault: naming file, key and what is wrong, for all files.
    """
    loaded = read_profiles(local, shipped)
    if loaded.faults:
        raise ConfigurationFault(loaded.fault_lines)
    return loaded
