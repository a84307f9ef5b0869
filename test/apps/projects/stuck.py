"""Views that do not come back, each in its own way, and some that do."""
import ctypes
import os
import threading
import time

PRELOADED_IN = os.getpid()
FREED = threading.Event()


def application(environ, start_response):
    path = environ["PATH_INFO"]
    start_response("200 OK", [("Content-Type", "text/plain")])
    return VIEWS[path.strip("/")](environ)


def sleep_for_ever(environ):
    time.sleep(600)
    return [b"woken"]


def hold_the_gil(environ):
    """PyDLL does not release the lock around the call."""
    libc = ctypes.PyDLL(None)
    while True:
        libc.usleep(500_000)


def hold_the_gil_throughout(environ):
    """No other thread has a turn between calls."""
    ctypes.PyDLL(None).sleep(60)
    return [b"let go"]


def hold_the_gil_for(environ):
    """Milliseconds."""
    ctypes.PyDLL(None).usleep(int(environ["QUERY_STRING"]) * 1000)
    return [b"let go"]


def count(environ):
    print("ran %s." % environ["QUERY_STRING"])
    return [b"counted"]


def trickle(environ):
    """Never ends, but gives content now and then."""
    while True:
        time.sleep(0.1)
        yield b"x" * 10


def begin_and_stick(environ):
    yield b"begun"
    time.sleep(600)


def neighbour(environ):
    time.sleep(float(environ["QUERY_STRING"]))
    return [b"neighbour is done"]


def pids(environ):
    return [("%d %d %d" % (os.getpid(), os.getppid(), PRELOADED_IN)).encode()]


def leave(environ):
    os._exit(7)


def crash(environ):
    ctypes.string_at(0)


VIEWS = {
    "sleep": sleep_for_ever,
    "gil": hold_the_gil,
    "gil_throughout": hold_the_gil_throughout,
    "gil_for": hold_the_gil_for,
    "count": count,
    "trickle": trickle,
    "stick": begin_and_stick,
    "neighbour": neighbour,
    "pids": pids,
    "leave": leave,
    "crash": crash,
}
