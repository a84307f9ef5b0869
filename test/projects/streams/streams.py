"""Streamed replies whose every byte is known: /?sizes=1,0,65536*16&seed=5, and what may happen in the middle of one.

`way`: generator, write, list, both. `length`: what Content-Length says. `pause`: seconds before each block. `closing`: seconds in close().
`name`: what becomes of the generator is noted under it, for /notes. `at` and `do`: before that block this happens, with `for` seconds (ACTS).
"""
import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time
from array import array
from urllib.parse import parse_qs

STEP = 0x39E3779B97F  # PATTERN_STEP in test/support/streams.ts
PATTERN = array("Q", range(0, (1 << 20) * STEP, STEP)).tobytes()

notes = {}
signal.signal(signal.SIGURG, lambda *_: None)  # so that it interrupts a call


def application(environ, start_response):
    query = {name: values[-1] for name, values in parse_qs(environ["QUERY_STRING"]).items()}
    page = environ["PATH_INFO"].rsplit("/", 1)[-1]
    if page == "echo":
        return echo(environ, start_response)
    return PAGES.get(page, stream)(start_response, query)


def echo(environ, start_response):
    """The body, in blocks that are read when their turn comes."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return iter(lambda: environ["wsgi.input"].read(100_000), b"")


def plain(start_response, text):
    body = text.encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


def hello(start_response, query):
    return plain(start_response, "hello")


def show_notes(start_response, query):
    """A JSON list of what was noted under `name`, and of this process."""
    return plain(start_response, json.dumps({"pid": os.getpid(), "notes": notes.get(query.get("name"), [])}))


def allow(start_response, query):
    start_response("204 No Content", [])
    return []


def note(query, what):
    if "name" in query:
        notes.setdefault(query["name"], []).append(what)


def stream(start_response, query):
    head = [("Content-Type", "text/plain"), ("Cache-Control", query.get("cc", "no-store"))]
    if "length" in query:
        head.append(("Content-Length", query["length"]))
    sizes = [int(size) for part in query["sizes"].split(",") for size in repeated(part)]
    write = start_response(query.get("status", "200 OK"), head)
    content = WAYS[query.get("way", "generator")](write, blocks(sizes, query, write), len(sizes))
    return Closing(content, query) if "closing" in query else content


class Closing:
    """Its close() takes long."""

    def __init__(self, content, query):
        self.content, self.query = content, query

    def __iter__(self):
        return iter(self.content)

    def close(self):
        time.sleep(float(self.query["closing"]))
        note(self.query, "close() over")


def repeated(part):
    size, _, count = part.partition("*")
    return [size] * int(count or 1)


def blocks(sizes, query, write):
    start = at = int(query.get("seed", "0"))
    act_at = int(query.get("at", "-1"))
    note(query, "begun")
    try:
        for number, size in enumerate(sizes):
            if number == act_at:
                ACTS[query["do"]](query, write)
            if "pause" in query:
                time.sleep(float(query["pause"]))
            if at + size > len(PATTERN):
                raise ValueError("there is no more content")
            yield PATTERN[at : at + size]
            at += size
        note(query, "whole")
    finally:
        note(query, "closed after %d" % (at - start))


def by_write(write, content, count):
    for block in content:
        write(block)
    return []


def by_both(write, content, count):
    for _ in range(count // 2):
        write(next(content))
    return content


WAYS = {
    "generator": lambda write, content, count: content,
    "list": lambda write, content, count: list(content),
    "write": by_write,
    "both": by_both,
}


def fail(query, write):
    raise RuntimeError("in the middle of %s" % query.get("name"))


def fork(query, write):
    """The child has all that this process has open, and lives on."""
    child = os.fork()
    if child == 0:
        time.sleep(float(query["for"]))
        os._exit(0)
    print("child %d of %s" % (child, query["name"]), file=sys.stderr, flush=True)


def fork_in_c(query, write):
    """As a library does that is not Python's: the interpreter is not asked, and closes nothing."""
    child = ctypes.PyDLL(None).fork()
    if child == 0:
        ctypes.PyDLL(None).sleep(int(query["for"]))
        os._exit(0)
    print("child %d of %s" % (child, query["name"]), file=sys.stderr, flush=True)


def fork_and_go_on(query, write):
    """The child comes back from here as its parent does, and gives blocks of its own."""
    os.fork()


def fork_and_leave(query, write):
    """The child ends as one that has forgotten where it is."""
    if os.fork() == 0:
        sys.exit(0)


def signals(query, write):
    """Calls of this thread are interrupted again and again."""
    thread = threading.get_ident()

    def send():
        end = time.monotonic() + float(query["for"])
        while time.monotonic() < end and not notes[query["name"]][-1].startswith("closed"):
            signal.pthread_kill(thread, signal.SIGURG)
            time.sleep(0.001)

    threading.Thread(target=send, daemon=True).start()


def spawn(query, write):
    """As os.fork, of what is not close-on-exec."""
    child = subprocess.Popen(["sleep", query["for"]], close_fds=False)
    print("child %d of %s" % (child.pid, query["name"]), file=sys.stderr, flush=True)


def fork_and_fail(query, write):
    fork_in_c(query, write)
    fail(query, write)


def write_late(query, write):
    """Another thread has the write() of this request, and calls it until long after the request is over."""

    def late():
        end = time.monotonic() + float(query["for"])
        while time.monotonic() < end:
            try:
                write(b"LATE" * 25_000)
            except Exception:
                pass
            time.sleep(0.01)
        note(query, "late over")

    def begin():
        while not any(each.startswith("closed") for each in notes[query["name"]]):
            time.sleep(0.01)
        time.sleep(0.2)
        late()

    threading.Thread(target=begin, daemon=True).start()


ACTS = {
    "raise": fail,
    "sys.exit": lambda query, write: sys.exit(3),
    "os._exit": lambda query, write: os._exit(7),
    "kill": lambda query, write: os.kill(os.getpid(), signal.SIGKILL),
    "sleep": lambda query, write: time.sleep(float(query["for"])),
    "fork": fork,
    "fork in C": fork_in_c,
    "fork and go on": fork_and_go_on,
    "fork and leave": fork_and_leave,
    "signals": signals,
    "spawn": spawn,
    "fork and raise": fork_and_fail,
    "write late": write_late,
}

PAGES = {"hello": hello, "notes": show_notes, "allow": allow}
