"""The round trip of jobs through a `kill -9` of the server and its restart in place."""

import collections
import os
import subprocess
import tempfile
import time

import jobs
from server import PATIENCE, Server, wait_until

# Of so many jobs, the server is killed when about a third has run.
JOBS = 150
FIRST = 50


class Workers:
    """A worker process, started again when it ends, as whoever runs workers does it."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.log = tempfile.TemporaryFile()
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            self.arguments, cwd=os.path.dirname(os.path.abspath(__file__)), start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def start_again_if_ended(self):
        if self.process.poll() is not None:
            self.start()

    def end(self):
        """Ends it and what it started; they are one process group of their own."""
        try:
            os.killpg(self.process.pid, 9)
        except ProcessLookupError:
            pass
        self.process.wait()

    def tail(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")[-4000:]


def settled(look, seconds=1):
    """What `look(handles)` finds, a set, once it has found the same for so long; nothing before."""
    found = {"set": None, "since": 0}

    def look_again(handles):
        now = look(handles)
        if now != found["set"]:
            found.update(set=now, since=time.monotonic())
        return now if time.monotonic() > found["since"] + seconds else set()

    return look_again


def round_trip(name, arguments, enqueue, held_max, while_waiting, aside, aside_max, check):
    """Runs the jobs that `enqueue` makes with the worker that `arguments(port)` starts.

    `held_max` is how many jobs the worker may hold at once, so how many may run twice.
    `while_waiting(worker)` is done again and again until every job has run. `aside(handles)` are the
    numbers of those that the framework will not run, of which there may be `aside_max`;
    `check(handles)` is asked at the end.
    """
    with Server() as server, tempfile.NamedTemporaryFile() as file:
        os.environ.update(BACKLOGD_PORT=str(server.port), BACKLOGD_RUNS=file.name)
        jobs.RUNS = file.name
        handles = enqueue(server.port, range(JOBS))
        worker = Workers(arguments(server.port))
        try:
            wait_until("a third has run", lambda: len(jobs.runs()) >= FIRST)
            server.kill()
            before = len(jobs.runs())
            server.start()

            def all_ran():
                while_waiting(worker)
                left = set(range(JOBS)) - set(jobs.runs())
                # More than may be set aside are on their way to the worker.
                return not left or (len(left) <= aside_max and left <= aside(handles))

            wait_until("every job has run", all_ran, 2 * PATIENCE)
            without_run = JOBS - len(set(jobs.runs()))
            check(handles)
        except BaseException:
            print(f"ran: {sorted(jobs.runs())}\nthe worker said:\n{worker.tail()}")
            raise
        finally:
            worker.end()
        counts = collections.Counter(jobs.runs())
        twice = sum(count - 1 for count in counts.values())
        assert before < JOBS, "the server was killed too late to matter"
        assert twice <= held_max, f"{twice} ran twice, where the worker held {held_max}"
        print(f"{name}: {JOBS} jobs, killed after {before}; {twice} ran twice, "
              f"{without_run} {'was' if without_run == 1 else 'were'} set aside or given up")

