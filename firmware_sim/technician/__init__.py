"""One device for a technician to play with: its knobs, its faults, and what the gateway makes of each message."""
