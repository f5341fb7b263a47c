"""RQ through a crash of the server.

RQ allows a job that runs while the server goes away to have no outcome: its process cannot note
one. The job stays in the registry of started jobs, out of which RQ takes it when its time is over,
and it then counts as failed. It has run, and RQ does not run it again unless it has a `Retry`. A
worker that cannot connect ends, and whoever started it starts it again.

RQ also moves a job to an intermediate queue as it hands it out. If the server goes away between the
two, the job stays there, and RQ takes it for failed after a minute.

Outcomes are kept in streams, and each must be there at the end.
"""

import os
import sys

import redis
import rq

import jobs
from server import wait_until
from workers import round_trip

# One worker has one job at a time.
HELD_MAX = 1


def arguments(port):
    program = os.path.join(os.path.dirname(sys.executable), "rq")
    return [program, "worker", "--url", f"redis://127.0.0.1:{port}", "squares"]


def enqueue(port, numbers):
    queue = rq.Queue("squares", connection=redis.Redis(port=port))
    return [queue.enqueue(jobs.square, number) for number in numbers]


def kept(handles):
    """Those that were handed out, which nobody took."""
    connection = handles[0].connection
    aside = {name.decode() for name in connection.lrange("rq:queue:squares:intermediate", 0, -1)}
    return {number for number, job in enumerate(handles) if job.id in aside}


def check(handles):
    """All have finished, with an outcome, but what ran, or was handed out, during the crash."""
    def left():
        return [job for job in handles if job.get_status() != rq.job.JobStatus.FINISHED]

    wait_until("jobs have finished", lambda: len(left()) <= HELD_MAX)
    for number, job in enumerate(handles):
        if job.get_status() == rq.job.JobStatus.FINISHED:
            outcome = job.latest_result()
            assert outcome.return_value == number * number, f"{number}: {outcome.return_value}"


if __name__ == "__main__":
    round_trip(f"rq {rq.VERSION}, redis-py {redis.__version__}", arguments, enqueue, HELD_MAX,
               lambda worker: worker.start_again_if_ended(), kept, check)
