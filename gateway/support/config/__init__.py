"""The gateway's configuration, registry and profiles, read from files, with faults described for people."""
