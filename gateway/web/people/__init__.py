"""People at the door: tokens and guesses at them, and sessions."""
