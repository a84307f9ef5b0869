"""Applications that keep PEP 3333 in difficult ways, and some that break it. One per path."""

import contextvars
import io
import os
import sys
from wsgiref.validate import validator

closed = []
variable = contextvars.ContextVar("variable", default="fresh")


class Closing:
    """An iterable that counts its close()."""

    def __init__(self, name, blocks):
        self.name, self.blocks = name, iter(blocks)

    def __iter__(self):
        return self

    def __next__(self):
        block = next(self.blocks)
        if isinstance(block, BaseException):
            raise block
        return block

    def close(self):
        closed.append(self.name)


def ok(start_response, *headers, status="200 OK"):
    return start_response(status, [("Content-Type", "text/plain"), *headers])


def closings(environ, start_response):
    ok(start_response)
    return [",".join(closed).encode()]


def close_normal(environ, start_response):
    ok(start_response)
    return Closing("normal", [b"a", b"b"])


def close_error(environ, start_response):
    ok(start_response)
    return Closing("error", [b"a", ValueError("mid-body")])


def close_early_error(environ, start_response):
    ok(start_response)
    return Closing("early_error", [ValueError("before data")])


def close_length(environ, start_response):
    ok(start_response, ("Content-Length", "3"))
    return Closing("length", [b"ab", b"cd", b"ef"])


def empty_blocks(environ, start_response):
    ok(start_response)
    yield b""
    yield b""


def late_start(environ, start_response):
    """start_response during the first iteration."""
    ok(start_response)
    yield b"late"


def writes(environ, start_response):
    write = ok(start_response)
    write(b"written ")
    return [b"returned"]


def replaces(environ, start_response):
    ok(start_response)
    try:
        raise ValueError("replaced")
    except ValueError:
        start_response("500 Replaced", [("X-Replaced", "yes")], sys.exc_info())
    return [b"error page"]


def reraises(environ, start_response):
    ok(start_response)
    yield b"sent"
    try:
        raise ValueError("too late")
    except ValueError:
        start_response("500 Replaced", [], sys.exc_info())
    yield b"never"


def start_twice(environ, start_response):
    ok(start_response)
    ok(start_response)
    return [b""]


def never_starts(environ, start_response):
    return [b""]


def content_first(environ, start_response):
    return [b"content"]


def too_short(environ, start_response):
    ok(start_response, ("Content-Length", "10"))
    yield b"short"


def too_short_empty(environ, start_response):
    ok(start_response, ("Content-Length", "10"))
    return []


def exact(environ, start_response):
    ok(start_response, ("Content-Length", "4"))
    yield b"ab"
    yield b"cd"


def text_block(environ, start_response):
    ok(start_response)
    return ["text"]


def number_block(environ, start_response):
    ok(start_response)
    return [1]


def returns_none(environ, start_response):
    ok(start_response)


def exits(environ, start_response):
    sys.exit(3)


def interrupts(environ, start_response):
    raise KeyboardInterrupt


def raises(environ, start_response):
    raise ValueError("secret of the traceback")


def raises_exotic(environ, start_response):
    raise ValueError("caf\u00e9 \u4e2d \udcff")


def status(environ, start_response):
    """The status of the query, with content if it is allowed to have some."""
    start_response(environ["QUERY_STRING"].replace("%20", " "), [("X", "1")])
    return [b"content"]


BAD_HEADERS = {
    "crlf": [("X", "a\r\nSet-Cookie: b")],
    "lf": [("X", "a\nb")],
    "nul": [("X", "a\0b")],
    "name": [("X Y", "a")],
    "name_lf": [("X\n", "a")],
    "empty_name": [("", "a")],
    "hop": [("Connection", "close")],
    "chunked": [("Transfer-Encoding", "chunked")],
    "bytes": [(b"X", b"a")],
    "bytes_value": [("X", b"a")],
    "number": [("X", 1)],
    "unicode": [("X", "\u4e2d")],
    "two_lengths": [("Content-Length", "7"), ("content-length", "7")],
    "bad_length": [("Content-Length", "+7")],
    "triple": [("X", "a", "b")],
}


def bad_header(environ, start_response):
    start_response("200 OK", BAD_HEADERS[environ["QUERY_STRING"]])
    return [b"content"]


def long_head(environ, start_response):
    start_response("200 OK", [("X-%d" % i, "v" * 1000) for i in range(int(environ["QUERY_STRING"]))])
    return [b"long"]


def good_header(environ, start_response):
    start_response("200 OK", [("Set-Cookie", "a=1"), ("X", "tab\tcaf\xe9"), ("Set-Cookie", "b=2"), ("Empty", "")])
    return [b"content"]


def context(environ, start_response):
    before = variable.get()
    variable.set("stale")
    ok(start_response)
    return [before.encode()]


def wrapped_file(environ, start_response):
    source = io.BytesIO(b"0123456789" * 20000)
    source.read(5)
    ok(start_response)
    return environ["wsgi.file_wrapper"](source, 4096)


def leftovers(environ, start_response):
    """Reads a little of the body and leaves the rest."""
    head = environ["wsgi.input"].read(10)
    ok(start_response)
    return [head]


def keeps_input(environ, start_response):
    """Reads the body of the request before, which is over."""
    global kept
    before, kept = kept, environ["wsgi.input"]
    ok(start_response)
    try:
        return [before.read() if before else b"nothing kept"]
    except ValueError as error:
        return [str(error).encode()]


kept = None


def swallows(environ, start_response):
    """Lets a request body fail, and answers all the same."""
    ok(start_response)
    try:
        environ["wsgi.input"].read()
    except OSError as error:
        return [type(error).__name__.encode()]
    return [b"read"]


@validator
def validated(environ, start_response):
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"] or 0))
    ok(start_response, ("Content-Length", str(len(body))))
    return [body]


@validator
def validated_stream(environ, start_response):
    ok(start_response)
    return iter([b"a", b"", b"b"])


def facts(environ, start_response):
    main = sys.modules["__main__"]
    found = [os.getcwd(), sys.path[0], sys.argv, main.__name__, type(environ) is dict, os.getpgrp() == os.getpid()]
    ok(start_response)
    return [repr(found).encode()]


def application(environ, start_response):
    return globals()[environ["PATH_INFO"].strip("/")](environ, start_response)
