"""The arithmetic of figures: consumption, completeness, balances, from the answers of the database."""
