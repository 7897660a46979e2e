"""Files that utilities write: devices, shares, alarm rules; and the profiles that are in force."""
