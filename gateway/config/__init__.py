"""What a gateway is told: its configuration, the registry and the profiles, read from files, with faults said for people."""
