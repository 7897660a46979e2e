"""``gateway setup``: files, accounts and databases that a gateway needs, made by an administrator."""
