"""A WSGI application whose every path hurts the process that runs it in another way."""

import ctypes
import os
import signal
import stat
import time


def application(environ, start_response):
    page = PAGES.get(environ["PATH_INFO"], hello)
    return page(start_response)


def answer(start_response, body=b"hello\n"):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


def hello(start_response):
    time.sleep(0.005)
    return answer(start_response)


def pid(start_response):
    return answer(start_response, b"%d" % os.getpid())


def sleep(start_response):
    time.sleep(60)
    return answer(start_response)


def stream(start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"%d\n" % os.getpid()
    time.sleep(60)
    yield b"the end\n"


def leave(start_response):
    os._exit(7)


def segfault(start_response):
    ctypes.string_at(0)


def abort(start_response):
    os.abort()


def stop(start_response):
    """Nothing of this process runs any more, until somebody sends SIGCONT or SIGKILL."""
    os.kill(os.getpid(), signal.SIGSTOP)
    return answer(start_response)


def balloon(start_response):
    """300 MB, which it keeps."""
    KEPT.append(b"x" * 300_000_000)
    return answer(start_response)


def close_sockets(start_response):
    for name in os.listdir("/proc/self/fd"):
        try:
            if stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                os.close(int(name))
        except OSError:
            pass  # that of the list itself
    return answer(start_response)


KEPT = []
PAGES = {
    "/pid": pid,
    "/sleep": sleep,
    "/stream": stream,
    "/leave": leave,
    "/segfault": segfault,
    "/abort": abort,
    "/stop": stop,
    "/balloon": balloon,
    "/close_sockets": close_sockets,
}
