"""Applications that break PEP 3333 or themselves, and some that keep it in unusual ways. One per path."""
import io
import json
import os
import sys
import threading
import time
from wsgiref.validate import validator

made = []
closed = []
kept = []


class Blocks:
    """An iterable that says when it was closed; an exception among its blocks is raised."""

    def __init__(self, name, blocks):
        self.name, self.blocks = name, iter(blocks)
        made.append(name)

    def __iter__(self):
        return self

    def __next__(self):
        block = next(self.blocks)
        if isinstance(block, BaseException):
            raise block
        return block

    def close(self):
        closed.append(self.name)


class ClosingFails(Blocks):
    def close(self):
        super().close()
        raise RuntimeError("close() fails on purpose")


def ok(start_response, *headers):
    return start_response("200 OK", [("Content-Type", "text/plain"), *headers])


def closings(environ, start_response):
    ok(start_response)
    return [json.dumps(closed).encode()]


def unclosed(environ, start_response):
    """How many are still to be closed."""
    ok(start_response)
    return [str(len(made) - len(closed)).encode()]


def threads(environ, start_response):
    ok(start_response)
    return [str(threading.active_count()).encode()]


def none(environ, start_response):
    ok(start_response)


def text(environ, start_response):
    ok(start_response)
    return ["text"]


def text_later(environ, start_response):
    ok(start_response)
    return Blocks("text_later", [b"bytes", "text"])


def bare_text(environ, start_response):
    ok(start_response)
    return "text"


def number(environ, start_response):
    ok(start_response)
    return 7


def never_starts(environ, start_response):
    return [b"content"]


def starts_twice(environ, start_response):
    ok(start_response)
    ok(start_response)
    return [b"content"]


def system_exit(environ, start_response):
    raise SystemExit(3)


def interrupt(environ, start_response):
    raise KeyboardInterrupt


def generator_exit(environ, start_response):
    raise GeneratorExit


def base(environ, start_response):
    raise BaseException("of the base")


def recursion(environ, start_response):
    return recursion(environ, start_response)


def memory(environ, start_response):
    raise MemoryError


def late_exit(environ, start_response):
    ok(start_response)
    return Blocks("late_exit", [b"sent", SystemExit(3)])


def late_error(environ, start_response):
    ok(start_response)
    return Blocks("late_error", [b"sent", ValueError("on the way")])


def early_error(environ, start_response):
    ok(start_response)
    return Blocks("early_error", [b"", ValueError("before the first byte")])


def closing_fails(environ, start_response):
    ok(start_response)
    return ClosingFails("closing_fails", [b"content"])


def empty_blocks(environ, start_response):
    ok(start_response)
    return Blocks("empty_blocks", [b"", b"", b"a", b"", b"b", b""])


def huge(environ, start_response):
    """More than a client will read."""
    ok(start_response)
    return Blocks("huge", (b"x" * 100_000 for _ in range(1_000_000_000)))


def writes(environ, start_response):
    """write() to a client that has left is no error of the application."""
    write = ok(start_response)
    write(b"first ")
    try:
        for _ in range(200):
            write(b"x" * 10_000)
            time.sleep(0.005)
    except BaseException as error:
        print("write() raised %r" % error, file=sys.stderr)
        raise
    print("all was written", file=sys.stderr)
    return Blocks("writes", (b"y" for _ in range(1_000_000_000)))


def slow(environ, start_response):
    """Reads its body only when the client has long left."""
    print("slow begins", file=sys.stderr, flush=True)
    time.sleep(2)
    try:
        read = len(environ["wsgi.input"].read())
    except BaseException as error:
        read = repr(error)
    print("slow has read %s" % read, file=sys.stderr, flush=True)
    ok(start_response)
    return Blocks("slow", [b"late"])


def changes_environ(environ, start_response):
    environ.clear()
    environ["REQUEST_METHOD"] = 7
    ok(start_response)
    return [b"changed"]


def fails_without_environ(environ, start_response):
    environ.clear()
    raise ValueError("no environ left")


def keeps(environ, start_response):
    """What it kept of the last request is over."""
    kept.append((environ, environ["wsgi.input"], start_response))
    _, before, respond = kept[0]
    attempts = (before.read, lambda: respond("200 OK", [], None), lambda: respond.__self__.write(b"stray"))
    notes = []
    for attempt in attempts if len(kept) > 1 else ():
        try:
            notes.append(repr(attempt()))
        except Exception as error:
            notes.append(type(error).__name__)
    ok(start_response)
    return [json.dumps(notes).encode()]


def starts_thread(environ, start_response):
    threading.Thread(target=time.sleep, args=(0.3,)).start()
    ok(start_response)
    return [b"started"]


def leaves(environ, start_response):
    os._exit(9)


def too_long(environ, start_response):
    ok(start_response, ("Content-Length", "3"))
    return Blocks("too_long", [b"ab", b"cd", b"ef"])


def too_short(environ, start_response):
    ok(start_response, ("Content-Length", "10"))
    return Blocks("too_short", [b"abc"])


def cookies(environ, start_response):
    ok(start_response, ("Set-Cookie", "a=1"), ("X-Between", "\xe9"), ("Set-Cookie", "b=2"), ("set-cookie", "c=3"))
    return [b""]


def no_content(environ, start_response):
    start_response(environ["QUERY_STRING"].replace("+", " "), [("Content-Length", "7")])
    return Blocks("no_content", [b"content"])


def replaces(environ, start_response):
    """exc_info before anything was sent replaces the head."""
    ok(start_response, ("X-First", "1"))
    try:
        raise ValueError
    except ValueError:
        start_response("503 Replaced", [("X-Second", "2")], sys.exc_info())
    return [b"replaced"]


def too_late(environ, start_response):
    """exc_info after the head was sent raises."""
    ok(start_response)
    yield b"sent"
    try:
        raise ValueError("told too late")
    except ValueError:
        start_response("503 Replaced", [], sys.exc_info())
    yield b"never"


def bad_header(environ, start_response):
    name, value = json.loads(environ["wsgi.input"].read())
    start_response("200 OK", [(name, value)])
    return [b"content"]


def bad_status(environ, start_response):
    start_response(json.loads(environ["wsgi.input"].read()), [])
    return [b"content"]


@validator
def reads(environ, start_response):
    """The methods of wsgi.input; the judge forbids what PEP 3333 does not name."""
    source = environ["wsgi.input"]
    found = [source.read(0), source.read(3), source.readline(), source.readline(2), source.readlines(1)]
    found += [next(iter(source)), source.read(100_000_000), source.read(1), source.readline()]
    errors = environ["wsgi.errors"]
    errors.write("written \u4e2d\u6587\n")
    errors.writelines(["lines ", "joined\n"])
    errors.flush()
    body = repr([len(each) if isinstance(each, bytes) and len(each) > 20 else each for each in found]).encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


def environ(environ, start_response):
    shown = {key: value if isinstance(value, (str, bool)) else repr(value) for key, value in environ.items()}
    shown["types"] = sorted({type(value).__name__ for key, value in environ.items() if key.isupper()})
    shown["is dict"] = type(environ) is dict
    ok(start_response)
    return [json.dumps(shown).encode()]


def buffered(environ, start_response):
    ok(start_response)
    return environ["wsgi.file_wrapper"](io.BytesIO(b"0123456789" * 100_000), 4096)


def busy(environ, start_response):
    """Work for one processor: its seconds by the clock."""
    begun, sum_ = time.monotonic(), 0
    for number in range(int(environ["QUERY_STRING"])):
        sum_ += number * number
    ok(start_response)
    return [("%f" % (time.monotonic() - begun)).encode()]


PAGES = dict(globals())


def application(environ, start_response):
    return PAGES[environ["PATH_INFO"].strip("/")](environ, start_response)
