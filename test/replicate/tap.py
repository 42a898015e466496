# SPDX-License-Identifier: PostgreSQL
"""The lines that the self test prints, and how many of them were bad."""

count = 0
failures = 0


def ok(condition, name, detail=""):
    global count, failures
    count += 1
    print(f"{'ok' if condition else 'not ok'} {count} - {name}", flush=True)
    if not condition:
        failures += 1
        print(f"#   {detail}", flush=True)


def same(got, wanted, name):
    ok(got == wanted, name, f"got {got!r}, wanted {wanted!r}")


def plan():
    """Prints the plan and returns the status for the program to end with."""
    print(f"1..{count}")
    return 1 if failures else 0
