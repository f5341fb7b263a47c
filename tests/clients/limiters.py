"""Rate limiters of `limits`, whose windows are kept by scripts, through `kill -9` of the server.

As many pass as may, no fewer and no more. Of those whose request was under way when the server was
killed nobody knows: each of them may have been counted without having passed.
"""

import threading

import limits
import redis
from limits.strategies import (FixedWindowRateLimiter, MovingWindowRateLimiter,
                               SlidingWindowCounterRateLimiter)
from redis.backoff import NoBackoff
from redis.retry import Retry

from server import Server

MAY_PASS = 90
THREADS = 6
# Of so many that try, not all may pass.
TRY = 3 * MAY_PASS
# A window that does not end while this runs.
WINDOW = limits.RateLimitItemPerYear(MAY_PASS)


class Gate:
    """A limiter, and how many passed it."""

    def __init__(self, server, strategy):
        storage = limits.storage.storage_from_string(
            f"redis://127.0.0.1:{server.port}", retry=Retry(NoBackoff(), 0))
        self.limiter = strategy(storage)
        self.passed = 0
        self.lock = threading.Lock()

    def hit(self):
        """One tries to pass; returns False where the server could not be asked."""
        try:
            passed = self.limiter.hit(WINDOW, "visitor")
        except redis.ConnectionError:
            return False
        with self.lock:
            self.passed += passed
        return True

    def hits(self, count):
        """So many try, on several threads at once, and are answered."""
        def some():
            answered = 0
            while answered < count // THREADS:
                answered += self.hit()

        threads = [threading.Thread(target=some) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        return threads

    def left(self):
        return self.limiter.get_window_stats(WINDOW, "visitor").remaining


def join(threads):
    for thread in threads:
        thread.join()


def between_hits(server, gate):
    join(gate.hits(MAY_PASS // 3))
    assert (gate.passed, gate.left()) == (MAY_PASS // 3, MAY_PASS - MAY_PASS // 3)
    server.crash()
    assert gate.left() == MAY_PASS - MAY_PASS // 3
    join(gate.hits(TRY))
    assert (gate.passed, gate.left()) == (MAY_PASS, 0), f"{gate.passed} passed, {gate.left()} left"


def amid_hits(server, gate):
    threads = gate.hits(TRY)
    while gate.passed < MAY_PASS // 3:
        threads[0].join(0.001)
    server.crash()
    join(threads)
    assert MAY_PASS - THREADS <= gate.passed <= MAY_PASS, f"{gate.passed} passed"
    assert gate.left() == 0


def main():
    name = f"limits {limits.__version__}, redis-py {redis.__version__}"
    with Server() as server:
        for strategy in (FixedWindowRateLimiter, MovingWindowRateLimiter,
                         SlidingWindowCounterRateLimiter):
            for part in (between_hits, amid_hits):
                gate = Gate(server, strategy)
                part(server, gate)
                gate.limiter.clear(WINDOW, "visitor")
                assert gate.left() == MAY_PASS and gate.hit() and gate.left() == MAY_PASS - 1
                gate.limiter.clear(WINDOW, "visitor")
                print(f"{name}: {strategy.__name__}, killed {part.__name__}: "
                      f"{gate.passed - 1} of {MAY_PASS} passed")
        calls = redis.Redis(port=server.port).info("commandstats")["cmdstat_evalsha"]["calls"]
        assert calls >= MAY_PASS, f"scripts were run {calls} times"


if __name__ == "__main__":
    main()
