"""Accounts with roles, known by their tokens."""
