"""Sizes of tests that make up their examples."""

import os


def examples(count: int) -> int:
    """As many examples as a test makes up; a share of them where another run of the same tests makes up all.

    That is the oldest Python: it need not search for faults in the logic, only show that it agrees with the newest.
    """
    return max(1, count // int(os.environ.get("ONE_EXAMPLE_OF", "1")))
