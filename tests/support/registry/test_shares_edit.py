"""A share is pinned in the text of the file; all else stays as people wrote it."""

import pytest

from gateway.support.config.files import ConfigurationFault
from gateway.support.registry.shares_edit import pinned

TEXT = """\
gateways: [gateway-1, gateway-2] # two machines
shares:
  # the north
  - {site: ward-1, weight: 1200}   # large
  - {site: ward-9, gateway: gateway-2}
  - site: ward-3
    domain: water  # the rest is not ours

  - {group: xa-tan-an}
"""


@pytest.mark.parametrize(
    ("number", "before", "after"),
    [
        (0, "{site: ward-1, weight: 1200}", "{site: ward-1, weight: 1200, gateway: gateway-1}"),
        (1, "{site: ward-9, gateway: gateway-2}", "{site: ward-9, gateway: gateway-1}"),
        (2, "    domain: water  # the rest", "    domain: water\n    gateway: gateway-1  # the rest"),
        (3, "{group: xa-tan-an}", "{group: xa-tan-an, gateway: gateway-1}"),
    ],
)
def test_the_gateway_of_a_share_is_written_beside_it(number: int, before: str, after: str) -> None:
    assert pinned(TEXT, number, "gateway-1") == TEXT.replace(before, after)


def test_a_text_without_a_list_is_left_to_people() -> None:
    with pytest.raises(ConfigurationFault, match="write the gateway of the share by hand"):
        pinned("shares: {}", 0, "gateway-1")
