"""From the broker: the connection, messages into the core, and PUBACKs back."""
