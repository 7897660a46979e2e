"""The living process: rooms joined to a gateway, slow jobs, reloading.

No decision about a reading, and nothing of set-up.
"""
