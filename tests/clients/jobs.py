"""The job that Celery and RQ run: a line in a file, so that every run of it is seen."""

import os
import time

RUNS = os.environ.get("BACKLOGD_RUNS", "")


def square(number):
    """Writes the number down with one append, which processes share without a lock."""
    time.sleep(0.01)
    with open(RUNS, "a", encoding="ascii") as runs:
        runs.write(f"{number}\n")
    return number * number


def runs():
    """What ran so far, in order, repetitions included."""
    with open(RUNS, encoding="ascii") as file:
        return [int(line) for line in file]
