"""Commands about the data of one device: given to its holder, forgotten, and the log of changes."""
