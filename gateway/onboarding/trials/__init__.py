"""Messages that are tried: what the gateway would make of them, with nothing written and nobody's state touched."""
