"""Device profiles: which of them takes a message, and what it makes of it."""
