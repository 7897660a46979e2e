"""What the simulated devices measure: one module per domain, each with its kinds as a table."""
