"""Makes of devices, one family a module: quantities in a device's own units → payload; and the table of all. Pure.

Written from the makers' formats; nothing here is shared with the gateway's decoders or the codecs beside the profiles.
"""
