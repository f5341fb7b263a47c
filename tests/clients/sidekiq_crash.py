"""Sidekiq through a crash of the server: jobs of now, of later, and such that fail at first.

Sidekiq takes a job out of its queue when it hands it out. What was taken when the server is killed,
and whose reply the worker did not get, is gone, and so is what fails while it cannot note that. It
is the same with jobs that its script takes out of the sets of later ones.
"""

import json
import subprocess

import redis

from workers import JOBS, round_trip, settled

CONCURRENCY = 4
# One more takes jobs that are due.
TAKEN_MAX = CONCURRENCY + 1
SETS = ("schedule", "retry")


def arguments(_port):
    return ["sidekiq", "-r", "./sidekiq_jobs.rb", "-c", str(CONCURRENCY)]


def enqueue(port, numbers):
    subprocess.run(["ruby", "sidekiq_jobs.rb", str(len(numbers))], check=True)
    return redis.Redis(port=port)


def gone(connection):
    there = connection.lrange("queue:default", 0, -1)
    for name in SETS:
        there += connection.zrange(name, 0, -1)
    numbers = {json.loads(text)["args"][0] for text in there}
    return {number for number in range(JOBS) if number not in numbers}


def check(connection):
    assert not connection.exists("queue:default", "dead", *SETS)
    calls = connection.info("commandstats")["cmdstat_evalsha"]["calls"]
    assert calls > len(SETS), f"the script was run {calls} times"


if __name__ == "__main__":
    version = subprocess.run(["sidekiq", "--version"], check=True, capture_output=True, text=True)
    round_trip(version.stdout.strip(), arguments, enqueue, CONCURRENCY,
               lambda worker: worker.start_again_if_ended(), settled(gone, 2), TAKEN_MAX, check)
