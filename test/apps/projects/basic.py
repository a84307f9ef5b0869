"""The application of the channel tests: one small WSGI application per path."""

import os
import sys
import threading
import time


def plain(start_response, body, status="200 OK", headers=()):
    start_response(status, [("Content-Type", "text/plain")] + list(headers))
    return [body]


def hello(environ, start_response):
    return plain(start_response, b"hello")


def show(environ, start_response):
    """The environ as sorted lines."""
    text = "".join("%s=%s\n" % (k, ascii(v)) for k, v in sorted(environ.items()) if isinstance(v, (str, bool, tuple)))
    return plain(start_response, text.encode())


def echo(environ, start_response):
    return plain(start_response, environ["wsgi.input"].read())


def echo_blocks(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    while True:
        block = environ["wsgi.input"].read(100_000)
        if not block:
            return
        yield block


def lines(environ, start_response):
    source = environ["wsgi.input"]
    parts = [source.read(0), source.readline(), source.readline(3)] + source.readlines() + [source.read()]
    return plain(start_response, b"|".join(parts))


def sleep(environ, start_response):
    time.sleep(float(environ["QUERY_STRING"] or 1))
    return plain(start_response, b"slept")


def pid(environ, start_response):
    return plain(start_response, b"%d %d" % (os.getpid(), threading.get_ident()))


def stream(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    for number in range(3):
        yield b"" if number == 1 else b"block %d\n" % number
        time.sleep(0.7)


def endless(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    try:
        while True:
            yield b"x" * 65536
    finally:
        print("endless was closed", flush=True)


def large(environ, start_response):
    return plain(start_response, bytes(range(256)) * (20 * 4096))


def printing(environ, start_response):
    print("printed: \u00e9\u4e2d")
    print("written to wsgi.errors: \u4e2d", file=environ["wsgi.errors"])
    return plain(start_response, b"ok")


def die(environ, start_response):
    os.kill(os.getpid(), 9)


def die_streaming(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"first"
    os.kill(os.getpid(), 9)


def fork_and_return(environ, start_response):
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return plain(start_response, b"parent")
    return plain(start_response, b"child")


def hold_lock(environ, start_response):
    """Holds the GIL for good: no Python thread of this process runs any more."""
    import ctypes

    ctypes.PyDLL(None).sleep(3600)


def spawn_child(environ, start_response):
    import subprocess

    child = subprocess.Popen(["sleep", "3600"])
    return plain(start_response, b"%d" % child.pid)


def fail_stream(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"x" * 1000
    raise ValueError("mid-body")


def break_frame(environ, start_response):
    """A signal handler raises while a frame is being sent."""
    import signal

    def handler(number, stack):
        if stack.f_code.co_name != "send":
            return signal.setitimer(signal.ITIMER_REAL, 0.01)
        raise RuntimeError("from the handler")

    signal.signal(signal.SIGALRM, handler)
    start_response("200 OK", [("Content-Type", "text/plain")])
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    while True:
        yield b"x" * 1000000


def close_streams(environ, start_response):
    """Closes what it did not open: the streams, but none of the descriptors that every worker has."""
    os.closerange(8, 100)
    return plain(start_response, b"closed")


def close_all(environ, start_response):
    os.closerange(3, 100)
    return plain(start_response, b"closed")


def close_all_and_stay(environ, start_response):
    threading.Thread(target=time.sleep, args=(3600,)).start()
    return close_all(environ, start_response)


def shut_streams(environ, start_response):
    """As if the front had closed them."""
    import socket

    for descriptor in range(8, 100):
        try:
            with socket.socket(fileno=os.dup(descriptor)) as stream:
                stream.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
    return plain(start_response, b"shut")


descriptors = []


def eat_descriptors(environ, start_response):
    """As a project that leaks them."""
    try:
        while True:
            descriptors.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        return plain(start_response, b"eaten")


def garbage(environ, start_response):
    """Writes into the streams what is no frame."""
    for descriptor in range(8, 100):
        try:
            os.write(descriptor, b"\xff" * 64)
        except OSError:
            pass
    return plain(start_response, b"garbage")


last_errors = "/tmp/server-test-%d-last-read" % os.getppid()


def slow_read(environ, start_response):
    print("slow_read begins", flush=True)
    time.sleep(0.3)
    try:
        environ["wsgi.input"].read()
        result = "read"
    except OSError as error:
        result = type(error).__name__
    with open(last_errors, "w") as file:
        file.write(result)
    return plain(start_response, b"")


def last_read(environ, start_response):
    """What the read of slow_read came to, in whichever process it was."""
    with open(last_errors) as file:
        result = file.read()
    os.unlink(last_errors)
    return plain(start_response, result.encode())


def application(environ, start_response):
    return globals()[environ["PATH_INFO"].strip("/") or "hello"](environ, start_response)
