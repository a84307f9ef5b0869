"""A WSGI application for tests of caches: each reply says how many were made for its path, and with what cookies.

`?cc=` Cache-Control, `?vary=` Vary, `?s=` seconds of work, `?size=` bytes of padding, `?cookie=` Set-Cookie,
`?status=` the status line, `?accel=` X-Accel-Expires.
"""
import threading
import time
from urllib.parse import parse_qs

FIELDS = {"cc": "Cache-Control", "vary": "Vary", "cookie": "Set-Cookie", "accel": "X-Accel-Expires"}
lock = threading.Lock()
made = {}


def application(environ, start_response):
    query = {name: values[-1] for name, values in parse_qs(environ["QUERY_STRING"]).items()}
    path = environ["PATH_INFO"]
    with lock:
        made[path] = made.get(path, 0) + 1
        count = made[path]
    time.sleep(float(query.get("s", "0")))
    body = f"{count} {environ['REQUEST_METHOD']} {environ.get('HTTP_COOKIE', '-')}\n".encode()
    body += b"x" * int(query.get("size", "0"))
    fields = [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))]
    fields += [(name, query[key]) for key, name in FIELDS.items() if key in query]
    start_response(query.get("status", "200 OK"), fields)
    return [body]
