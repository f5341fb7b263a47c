"""Celery through a crash of the server.

With late acknowledgement Celery allows what its worker held to run twice: the jobs it ran and those
it had fetched ahead. They are in a hash of the broker until they are acknowledged, and out of it
they are delivered again after `visibility_timeout`.

After it has lost its connection the worker does not always take jobs again; that was seen with
redis-server 7.0.15 too. So it is started again once the server is back, as whoever runs workers
does it.
"""

import sys

import celery
import redis

from server import wait_until
from workers import JOBS, round_trip

CONCURRENCY = 2
# As many as run, and as many fetched ahead.
HELD_MAX = 2 * CONCURRENCY

state = {"restarted": False}


def arguments(_port):
    return [sys.executable, "-m", "celery", "-A", "celery_app", "worker", "-c", str(CONCURRENCY),
            "--without-gossip", "--without-mingle", "-l", "INFO"]


def enqueue(_port, numbers):
    import celery_app  # Which needs to know the port.
    return [celery_app.square.delay(number) for number in numbers]


def start_again_once(worker):
    if not state["restarted"]:
        state["restarted"] = True
        worker.end()
        worker.start()


def check(handles):
    """Outcomes are there and right; what ran during the crash could not note its own."""
    def outcomes():
        metas = [handle.backend.get_task_meta(handle.id, cache=False) for handle in handles]
        return {number: meta["result"] for number, meta in enumerate(metas)
                if meta["status"] == "SUCCESS"}

    wait_until("outcomes are noted", lambda: len(outcomes()) >= JOBS - HELD_MAX)
    for number, result in outcomes().items():
        assert result == number * number, (number, result)
    # They unsubscribe when they go, for which the server has to be there.
    handles.clear()


if __name__ == "__main__":
    round_trip(f"celery {celery.__version__}, redis-py {redis.__version__}", arguments, enqueue,
               HELD_MAX, start_again_once, lambda handles: set(), check)
