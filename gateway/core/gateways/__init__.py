"""Several gateways: the share of each, the move of a share, and the turns of a pair at one session."""
