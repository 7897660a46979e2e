"""``python -m tests.campaigns.chaos``: nothing is lost, whatever fails next; numbered schedules of faults, and their sum."""

import sys

from tests.campaigns.chaos.trial import TRIAL
from tests.campaigns.rig.command import main

if __name__ == "__main__":
    sys.exit(main(TRIAL))
