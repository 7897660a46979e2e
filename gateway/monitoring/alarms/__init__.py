"""Alarms outside the core: kept on disk, written to InfluxDB, sent to Alertmanager, a webhook and MQTT."""
