"""Decisions of delivery: batches, acknowledgements, pace, what an answer of InfluxDB means."""
