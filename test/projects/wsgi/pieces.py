"""Content in pieces of given sizes, for who looks at every byte: /?sizes=1,65536&length=0&pid=0&stall=0

`length`: is Content-Length announced? `over`: so many bytes less than there are. `kill`: SIGKILL after that piece.
"""
import os
import signal
from urllib.parse import parse_qs

PATTERN = bytes(range(251)) * 25_000


def application(environ, start_response):
    query = {name: values[-1] for name, values in parse_qs(environ["QUERY_STRING"]).items()}
    sizes = [int(size) for size in query["sizes"].split(",")]
    head = [("Content-Type", "text/plain")]
    if "over" in query or query.get("length") == "1":
        head.append(("Content-Length", str(sum(sizes) - int(query.get("over", "0")))))
    start_response("200 OK", head)
    return pieces(sizes, int(query.get("kill", "-1")))


def pieces(sizes, kill):
    at = 0
    for number, size in enumerate(sizes):
        if number == kill:
            os.kill(os.getpid(), signal.SIGKILL)
        start = at % 251
        yield PATTERN[start : start + size]
        at += size
