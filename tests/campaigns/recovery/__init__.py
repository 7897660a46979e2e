"""A province of cabinets whose centre comes back: the gateway's own lanes on a clock that jumps from event to event."""
