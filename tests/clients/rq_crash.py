"""RQ through a crash of the server.

RQ allows a job that runs while the server goes away to have no outcome: its process cannot note
one. The job stays in the registry of started jobs, out of which RQ takes it when its time is over,
and it then counts as failed. It has run, and RQ does not run it again unless it has a `Retry`. A
worker that cannot connect ends, and whoever started it starts it again.

RQ also moves a job to an intermediate queue as it hands it out. If the server goes away between the
two, the job stays there, and RQ takes it for failed after a minute.

Outcomes are kept in streams, and each must be there at the end. That a job is unique, and that one
scheduler moves those that are due, is seen to by scripts. A scheduler that ended with the crash has
its lock for a minute more, and a worker that did not get it asks again after ten: so it is started
again when the lock is free.
"""

import datetime
import os
import sys
import time

import redis
import rq
import rq.scheduler

import jobs
from server import wait_until
from workers import JOBS, round_trip

# One worker has one job at a time.
HELD_MAX = 1
SCHEDULED = range(JOBS - 30, JOBS)
# How long a worker may take until its scheduler has the lock.
START_MAX_S = 15

state = {"started": 0}


def arguments(port):
    program = os.path.join(os.path.dirname(sys.executable), "rq")
    return [program, "worker", "--url", f"redis://127.0.0.1:{port}", "--with-scheduler",
            "squares"]


def enqueue(port, numbers):
    queue = rq.Queue("squares", connection=redis.Redis(port=port))
    soon = datetime.timedelta(seconds=2)
    handles = [queue.enqueue_in(soon, jobs.square, number) if number in SCHEDULED
               else queue.enqueue(jobs.square, number, job_id=f"square-{number}", unique=True)
               for number in numbers]
    try:
        queue.enqueue(jobs.square, 0, job_id="square-0", unique=True)
        raise AssertionError("a unique job is there twice")
    except rq.exceptions.DuplicateJobError:
        return handles


def start_again(worker):
    worker.start_again_if_ended()
    connection = redis.Redis(port=int(os.environ["BACKLOGD_PORT"]))
    without_scheduler = not connection.exists(rq.scheduler.RQScheduler.get_locking_key("squares"))
    left = set(range(JOBS)) - set(jobs.runs())
    others = left - set(SCHEDULED)
    now = time.monotonic()
    if (without_scheduler and len(left) > len(others) <= HELD_MAX
            and now > state["started"] + START_MAX_S):
        state["started"] = now
        worker.end()
        worker.start()


def aside(handles):
    """Those that were handed out, which nobody took."""
    connection = handles[0].connection
    found = {name.decode() for name in connection.lrange("rq:queue:squares:intermediate", 0, -1)}
    return {number for number, job in enumerate(handles) if job.id in found}


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
               start_again, aside, HELD_MAX, check)
