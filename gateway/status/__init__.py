"""What the gateway says of itself: status, troubles, metrics."""
