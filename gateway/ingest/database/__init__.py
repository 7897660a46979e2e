"""Questions to the database, one module a dialect; those who ask speak of devices, fields and times."""
