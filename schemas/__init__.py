"""The language of the province: quantities, units, topics and reasons, as data.

Everything else imports from here and this package imports nothing of the project. ``python -m schemas`` writes the same
tables as JSON Schema and AsyncAPI for makers of devices.
"""
