"""Public catalogues of makers' codecs, run with the examples in them."""
