"""A section that one at a time may be in, so that a lock that fails is noticed."""

import threading
import time

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry


def connect(port):
    """Connects without retries: what a crash does to a request is left to whoever made it."""
    return redis.Redis(port=port, retry=Retry(NoBackoff(), 0), socket_timeout=30)


class Section:
    """Counts who passed, by a read and a write with time in between."""

    def __init__(self):
        self.passed = 0
        self.inside = 0
        self.overlaps = 0

    def enter(self):
        self.inside += 1
        self.overlaps += self.inside != 1
        passed = self.passed
        time.sleep(0.002)
        self.passed = passed + 1
        self.inside -= 1


def contend(threads, rounds, make_round, at):
    """Has threads go through one section, so many times each, and returns the section.

    `make_round()` gives each thread a function that tries once to enter under the lock, and tells
    whether it did. `at` has, for numbers of passages, what is done when they are reached.
    """
    section = Section()
    failures = []

    def work():
        try:
            attempt = make_round()
            done = 0
            while done < rounds and not failures:
                done += attempt(section)
        except BaseException as failure:
            failures.append(failure)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for passages, act in sorted(at.items()):
        while section.passed < passages and not failures:
            time.sleep(0.001)
        act()
    for worker in workers:
        worker.join()
    if failures:
        raise failures[0]
    assert section.overlaps == 0, f"{section.overlaps} times two were inside at once"
    assert section.passed == threads * rounds, f"{section.passed} of {threads * rounds} counted"
    return section
