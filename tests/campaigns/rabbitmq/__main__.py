"""``python -m tests.campaigns.rabbitmq``: nothing that a cluster acknowledged is lost, whatever fails next."""

import sys

from gateway.commands.demo.services import ProgramMissing
from tests.campaigns.rabbitmq.node import find_erlang
from tests.campaigns.rabbitmq.trial import TRIAL
from tests.campaigns.rig.command import main

if __name__ == "__main__":
    try:
        cannot = find_erlang().too_old
    except ProgramMissing as missing:
        cannot = str(missing)
    if cannot:
        sys.stderr.write(f"{cannot}\n")
        sys.exit(2)
    sys.exit(main(TRIAL))
