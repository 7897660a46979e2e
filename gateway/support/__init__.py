"""Ground that every room stands on: configuration, registry, accounts, audit, words, certificates, clock, logs.

Nothing that knows the way of a reading.
"""
