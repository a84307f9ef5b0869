"""A WSGI application for tests: each path does one thing that a server has to cope with.

With PROBE_LOG in its environment it notes every request it gets there, `METHOD path pid`.
"""
import hashlib
import json
import os
import sys
import time
from urllib.parse import parse_qs

PIECE = 64 * 1024


def application(environ, start_response):
    note(environ)
    # The first segment that names a page: what stands before it is the server's business.
    page = next((PAGES[name] for name in environ["PATH_INFO"].split("/") if name in PAGES), None)
    if page is None:
        return text(start_response, "not here\n", "404 Not Found")
    query = {name: values[-1] for name, values in parse_qs(environ["QUERY_STRING"]).items()}
    return page(environ, start_response, query)


def note(environ):
    path = os.environ.get("PROBE_LOG")
    if path is None:
        return
    with open(path, "a") as log:
        log.write(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']} {os.getpid()}\n")


def text(start_response, body, status="200 OK", fields=()):
    data = body.encode()
    head = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(data)))]
    start_response(status, head + list(fields))
    return [data]


def hello(environ, start_response, query):
    return text(start_response, "hello\n")


def pid(environ, start_response, query):
    return text(start_response, f"{os.getpid()}\n")


def sleep(environ, start_response, query):
    """Tells its process before the sleep too, in the error log: a test can look who runs what."""
    print(f"asleep in {os.getpid()}", file=environ["wsgi.errors"], flush=True)
    time.sleep(float(query.get("s", "1")))
    return text(start_response, f"{os.getpid()}\n")


def echo(environ, start_response, query):
    """Gives the body back, with its type and a length."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(length)
    kind = environ.get("CONTENT_TYPE") or "application/octet-stream"
    start_response("200 OK", [("Content-Type", kind), ("Content-Length", str(len(body)))])
    return [body]


def digest(environ, start_response, query):
    """Reads the body in pieces up to its end, whatever length was announced."""
    sha, count = hashlib.sha256(), 0
    remaining = int(environ.get("CONTENT_LENGTH") or 0)
    while remaining > 0:
        piece = environ["wsgi.input"].read(min(PIECE, remaining))
        if not piece:
            break
        sha.update(piece)
        count += len(piece)
        remaining -= len(piece)
    return text(start_response, f"{count} {sha.hexdigest()}\n")


def facts(environ, start_response, query):
    """The environ, as JSON: strings as they are, the rest by its type's name."""
    shown = {key: value if isinstance(value, (str, bool)) else type(value).__name__ for key, value in environ.items()}
    return text(start_response, json.dumps(shown, indent=1))


def stream(environ, start_response, query):
    start_response("200 OK", [("Content-Type", "text/plain")])
    pieces, pause = int(query.get("pieces", "3")), float(query.get("pause", "0.3"))

    def count():
        for number in range(pieces):
            if number > 0:
                time.sleep(pause)
            yield f"piece {number}\n".encode()

    return count()


def large(environ, start_response, query):
    """`bytes` bytes of a pattern, in pieces, without a length."""
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    size = int(query.get("bytes", "1000000"))
    pattern = bytes(range(256)) * (PIECE // 256)
    return (pattern[: min(PIECE, size - at)] for at in range(0, size, PIECE))


def fail(environ, start_response, query):
    raise RuntimeError("this page raises on purpose")


def leave(environ, start_response, query):
    print("leaving", file=sys.stderr, flush=True)
    os._exit(7)


PAGES = {
    "hello": hello,
    "pid": pid,
    "sleep": sleep,
    "echo": echo,
    "digest": digest,
    "facts": facts,
    "stream": stream,
    "large": large,
    "raise": fail,
    "exit": leave,
}
