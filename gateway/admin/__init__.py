"""Set-up: brokers and databases, copying, backup, installation, capacity; all that an administrator does once.

A running gateway never loads this wing, so nothing that it needs may go in.
"""
