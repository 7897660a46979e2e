"""Ground of every request and answer: connections, handshakes, turns, limits of accounts, the form of pages."""
