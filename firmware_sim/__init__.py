"""A fleet of simulated devices, and the check that each of its readings arrived.

Pure: signals → devices → fleet; wire formats → makes → fleets of makes; scenarios and faults → firmware (the messages of a
device, and their expected result); stories (the events of devices, the consumption, the alarm that must follow). Shells:
connections (publish, shared), the run that drives the fleet, the ledger of what the broker acknowledged, and verify, which
compares a ledger with InfluxDB.
"""
