"""Alarms outside the core: kept on disk, written to InfluxDB, told to Alertmanager, a webhook and MQTT."""
