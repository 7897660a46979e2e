"""The rig of all campaigns: faults by schedule, processes and the links between them, a fleet with its ledger, a verdict."""
