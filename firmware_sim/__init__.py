"""A fleet of simulated devices, and the check that every reading of theirs arrived.

Pure: signals → devices → fleet; scenario and faults → firmware (what a device sends, and what must come of it); stories (what
happens to devices, what was consumed meanwhile, which alarm must follow).
Shells: connections (publish, shared), the run that drives the fleet, the ledger of what the broker acknowledged, and verify,
which holds a ledger against InfluxDB.
"""
