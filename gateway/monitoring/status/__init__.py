"""The gateway about itself: status, troubles, metrics."""
