"""Fuzzing: parsers fed with what nobody should send. ``make fuzz`` runs it guided by coverage, ``make test`` in short."""
