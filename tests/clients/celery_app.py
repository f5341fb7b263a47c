"""Celery as the test runs it, in the worker and beside it."""

import os

import celery

import jobs

PORT = os.environ["BACKLOGD_PORT"]

app = celery.Celery("celery_app", broker=f"redis://127.0.0.1:{PORT}/0",
                    backend=f"redis://127.0.0.1:{PORT}/1")
app.conf.update(
    task_acks_late=True,
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
    broker_transport_options={"visibility_timeout": 5, "unacked_restore_throttle": 1},
    result_expires=3600,
)

square = app.task(name="square")(jobs.square)
