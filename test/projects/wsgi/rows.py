"""What scripts/bench/apps.ts asks of a plain WSGI application."""
import time

PIECE = b"x" * 65536
PIECES = 16


def hello(environ):
    return [("Content-Length", "5")], [b"hello"]


def stream(environ):
    """A megabyte of no announced length, as a view that makes a report as it goes."""
    return [], (PIECE for _ in range(PIECES))


def upload(environ):
    size = len(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
    return [], [b"%d" % size]


def sleep(environ):
    time.sleep(1)
    return [], [b"slept"]


VIEWS = {"/": hello, "/stream": stream, "/upload": upload, "/sleep": sleep}


def application(environ, start_response):
    headers, content = VIEWS[environ["PATH_INFO"]](environ)
    start_response("200 OK", [("Content-Type", "text/plain")] + headers)
    return content
