"""The arithmetic of figures: consumption, completeness, balances, from the answers of the database.

Whatever asks the database raises ``StoreFault`` when that does not answer.
"""
