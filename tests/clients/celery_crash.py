"""Celery through a crash of the server.

With late acknowledgement Celery allows what its worker held to run twice: the jobs it ran and those
it had fetched ahead. They are in a hash of the broker until they are acknowledged, and out of it
they are delivered again after `visibility_timeout`. But Celery takes a job from its queue by one
request and puts it into that hash by another: one that is between the two when the server is killed
is in neither, whichever server it is, and is not run.

After it has lost its connection the worker does not always take jobs again; that was seen with
redis-server 7.0.15 too. So it is started again once the server is back, as whoever runs workers
does it.
"""

import json
import sys

import celery
import redis

from server import wait_until
from workers import JOBS, round_trip, settled

CONCURRENCY = 2
# As many as run, and as many fetched ahead.
HELD_MAX = 2 * CONCURRENCY
# One request takes jobs, one at a time.
TAKEN_MAX = 1

state = {"restarted": False}


def arguments(_port):
    return [sys.executable, "-m", "celery", "-A", "celery_app", "worker", "-c", str(CONCURRENCY),
            "-l", "INFO"]


def enqueue(_port, numbers):
    import celery_app  # Which needs to know the port.
    return [celery_app.square.delay(number) for number in numbers]


def start_again_once(worker):
    if not state["restarted"]:
        state["restarted"] = True
        worker.end()
        worker.start()


def gone(handles):
    """Those that the broker has neither in the queue nor in the hash."""
    with handles[0].app.connection_for_read() as connection:
        client = connection.default_channel.client
        messages = [json.loads(text) for text in client.lrange("celery", 0, -1)]
        messages += [json.loads(text)[0] for text in client.hvals("unacked")]
    there = {message["headers"]["id"] for message in messages}
    return {number for number, handle in enumerate(handles) if handle.id not in there}


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
               HELD_MAX, start_again_once, settled(gone), TAKEN_MAX, check)
