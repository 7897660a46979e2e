"""Wire formats and network servers' envelopes, one a module: values, identity, counter and time → topic and payload. Pure.

Written from the published formats; nothing here is shared with the decoders of the gateway.
"""
