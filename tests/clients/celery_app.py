"""Celery as the test runs it, in the worker and beside it."""

import os

import celery
import redis.exceptions
import redis.lock

import jobs

PORT = os.environ["BACKLOGD_PORT"]

app = celery.Celery("celery_app", broker=f"redis://127.0.0.1:{PORT}/0",
                    backend=f"redis://127.0.0.1:{PORT}/1")
app.conf.update(
    task_acks_late=True,
    worker_prefetch_multiplier=1,
    worker_enable_remote_control=False,
    broker_connection_retry_on_startup=True,
    broker_transport_options={"visibility_timeout": 5, "unacked_restore_throttle": 1},
    result_expires=3600,
)


def release(lock, token):
    """Releases a lock of redis-py by a transaction, where redis-py does it by a script.

    A worker takes such a lock when it starts (kombu's `Mutex`, which is so in 5.0, 5.1 and 5.7), and
    no setting that we found does without. The server knows no scripts yet, so the worker would end with EVALSHA refused.
    """
    def remove(pipe):
        if pipe.get(lock.name) != token:
            raise redis.exceptions.LockNotOwnedError("somebody else has it by now")
        pipe.multi()
        pipe.delete(lock.name)

    lock.redis.transaction(remove, lock.name)


redis.lock.Lock.do_release = release
square = app.task(name="square")(jobs.square)
