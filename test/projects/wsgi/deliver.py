"""Applications that leave the sending of content to the server: wsgi.file_wrapper, X-Accel-Redirect, X-Sendfile."""
import gzip
import io
import json
import os
import sys
import tempfile
from urllib.parse import parse_qs

MEDIA = os.environ["DELIVER_MEDIA"]
closed = []


def application(environ, start_response):
    query = {name: values[-1] for name, values in parse_qs(environ["QUERY_STRING"], True, encoding="latin-1").items()}
    page = environ["PATH_INFO"].rsplit("/", 1)[-1]
    return PAGES[page](environ, start_response, query)


def media(query):
    return os.path.join(MEDIA, query.get("name", "large.bin"))


class Noted:
    """A file whose close() is counted; `read` stays that of the file."""

    def __init__(self, file):
        self.file = file

    @property
    def read(self):
        return self.file.read

    def close(self):
        closed.append(self.file.closed)
        self.file.close()


def wrapped(environ, start_response, query):
    """?name=…&at=…&length=…&header=Name:value (several, `|` between)"""
    file = open(media(query), "rb")
    file.seek(int(query.get("at", "0")))
    head = [("Content-Type", "application/x-test")]
    if "length" in query:
        head.append(("Content-Length", query["length"]))
    if "header" in query:
        head += [tuple(each.split(":", 1)) for each in query["header"].split("|")]
    start_response(query.get("status", "200 OK"), head)
    return environ["wsgi.file_wrapper"](Noted(file), 4096)


def read_ahead(environ, start_response, query):
    """The buffer has read more than was asked for: the file stands at 3 all the same."""
    file = open(media(query), "rb")
    file.read(3)
    start_response("200 OK", [])
    return environ["wsgi.file_wrapper"](file)


def unzipped(environ, start_response, query):
    """Has a fileno(), which is that of the compressed file."""
    path = os.path.join(MEDIA, "text.gz")
    if not os.path.exists(path):
        with gzip.open(path, "wb") as file:
            file.write(b"unzipped " * 1000)
    start_response("200 OK", [])
    return environ["wsgi.file_wrapper"](gzip.open(path, "rb"))


def memory(environ, start_response, query):
    start_response("200 OK", [])
    return environ["wsgi.file_wrapper"](io.BytesIO(b"in memory " * 100))


def piped(environ, start_response, query):
    reading, writing = os.pipe()
    os.write(writing, b"through a pipe")
    os.close(writing)
    start_response("200 OK", [])
    return environ["wsgi.file_wrapper"](os.fdopen(reading, "rb"))


def special(environ, start_response, query):
    """A regular file that says it has no bytes."""
    start_response("200 OK", [])
    return environ["wsgi.file_wrapper"](open("/proc/cpuinfo", "rb"))


def temporary(environ, start_response, query):
    """Gone from its directory, and written but not flushed."""
    file = tempfile.NamedTemporaryFile()
    file.write(b"temporary " * 20_000)
    file.flush()
    file.seek(10)
    start_response("200 OK", [])
    return environ["wsgi.file_wrapper"](file)


def as_text(environ, start_response, query):
    """read() would give str: an error, not the bytes of the file."""
    start_response("200 OK", [])
    return environ["wsgi.file_wrapper"](open(media(query), encoding="latin-1"))


def closings(environ, start_response, query):
    start_response("200 OK", [])
    return [json.dumps(closed).encode()]


def accel(environ, start_response, query):
    """?to=/path, with the fields of a view and content that nobody may see."""
    head = [
        ("Content-Type", query.get("type", "application/x-mine")),
        ("Content-Disposition", 'attachment; filename="mine.bin"'),
        ("Set-Cookie", "a=1"),
        ("Set-Cookie", "b=2"),
        ("Cache-Control", "private"),
        ("ETag", '"of the view"'),
        ("X-Frame-Options", "DENY"),
        ("X-Accel-Buffering", "no"),
    ]
    if "to" in query:
        head.append(("X-Accel-Redirect", query["to"]))
    start_response(query.get("status", "200 OK"), head)
    return [b"content of the view"]


def endless(environ, start_response, query):
    """A redirect whose own content would never end."""
    start_response("200 OK", [("X-Accel-Redirect", "/protected/small.txt")])

    def count():
        try:
            while True:
                yield b"x" * 10_000
        finally:
            print("endless was closed", file=sys.stderr)

    return count()


def sendfile(environ, start_response, query):
    start_response("200 OK", [("Content-Type", ""), ("X-Sendfile", query["path"])])
    return []


def facts(environ, start_response, query):
    shown = {key: value for key, value in environ.items() if isinstance(value, str)}
    shown["body"] = environ["wsgi.input"].read().decode("latin-1")
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(shown).encode()]


PAGES = {name: page for name, page in globals().items() if callable(page) and getattr(page, "__module__", "") == __name__}
