"""Backups: all that makes a gateway, in one archive, and a gateway made of one."""
