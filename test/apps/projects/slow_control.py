"""A project whose second worker obeys the master late, as on a busy machine: each time it is given streams."""
import time

import server_control

from basic import application  # noqa: F401

SECONDS = 0.4
hear = server_control.Control.line


def hear_late(control):
    from uwsgi import worker_id

    message = hear(control)
    if worker_id() == 2 and message is not None and "streams" in message:
        time.sleep(SECONDS)
    return message


server_control.Control.line = hear_late
