"""``gateway check``: each part of the configuration looked at, and all that it stands on."""
