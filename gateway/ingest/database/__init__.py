"""The database in its own languages, one module a dialect: asked, copied, rid of a device; others speak of devices, times."""
