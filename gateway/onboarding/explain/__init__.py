"""Messages explained step by step, for commands and pages, by the core of the gateway itself."""
