"""The pure core: bytes and the time come in as arguments, values come out.

No clock, socket, file, log or random number in here; a test and the linter hold it to that.
"""
