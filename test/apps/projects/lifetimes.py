"""What makes a worker grow: requests that sleep, that keep memory, that need it for a moment.
IMPORT_SECONDS: how long its import takes."""

import os
import time

KEPT = []
time.sleep(float(os.environ.get("IMPORT_SECONDS", "0")))


def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/sleep":
        time.sleep(float(environ["QUERY_STRING"] or 0))
    elif path == "/leak":
        KEPT.append(bytearray(b"x" * 2**20))
    elif path == "/balloon":
        balloon = b"x" * (300 * 2**20)
        time.sleep(1)
        del balloon
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"ok"]
