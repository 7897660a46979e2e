"""Messages looked at, for commands and pages: the same core as in the gateway, and every step told."""
