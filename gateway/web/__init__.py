"""The gateway's pages and its HTTP API."""
