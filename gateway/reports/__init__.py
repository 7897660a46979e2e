"""Questions to the database about what was written: consumption, completeness, balances."""
