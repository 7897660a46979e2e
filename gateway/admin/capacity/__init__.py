"""The machines, disks and links that a number of devices takes, worked out from the figures that ``make bench`` measures."""
