"""Devices over HTTP: listed, shown, registered, edited, exchanged."""
