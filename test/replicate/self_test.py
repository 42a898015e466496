#!/usr/bin/env python3
# SPDX-License-Identifier: PostgreSQL
"""Checks that the stand-in does what README.md says: self_test.py PROGRAM. Prints TAP; run by ctest."""

import os
import sys

sys.dont_write_bytecode = True
import tap  # noqa: E402
import test_around  # noqa: E402
import test_creating  # noqa: E402
import test_life  # noqa: E402
from client import StandIn  # noqa: E402


def main():
    program = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.environ["ATELIER_STAND_IN"])
    api = StandIn(program)
    for test in test_creating.TESTS + test_life.TESTS + test_around.TESTS:
        print(f"# {test.__name__}")
        api.reset()
        test(api)
    tap.ok(api.stats()["requests"]["outstanding"] == 0, "nothing is left outstanding")
    test_around.test_process(program, api)
    sys.exit(tap.plan())


if __name__ == "__main__":
    main()
