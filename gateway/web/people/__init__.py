"""People at the door: tokens and guesses at them, sessions, and the log of changes."""
