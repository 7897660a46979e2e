"""An independent world with a known truth, and a judge of every surface that shows figures.

Written from the documents alone: it imports nothing of gateway, schemas, firmware_sim or grafana and shares no table with
them, which a test holds. The processes of a gateway, its broker and its databases are black boxes on loopback.
"""
