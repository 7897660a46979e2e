"""Device profiles: the choice of the profile for a message, and the mapping to canonical quantities."""
