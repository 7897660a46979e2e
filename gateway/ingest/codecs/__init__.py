"""Makers' codecs, run as they are published, in a process of their own."""
