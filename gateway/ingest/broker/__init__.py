"""Requests of a running gateway to its broker: accounts of devices, their rights, queues and bindings."""
