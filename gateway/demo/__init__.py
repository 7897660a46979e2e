"""The whole way on one machine, with real parts."""
