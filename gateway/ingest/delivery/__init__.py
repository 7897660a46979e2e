"""From readings to InfluxDB: the live lane, the way into the journal, and the drain lane."""
