"""One worker process of an app: imports the project once, then answers the requests that arrive as frames.

What a request and its reply are is wsgi.py's business. Standard library only, Python 3.8 and newer. The frames are
drawn in apps/frames.ts, the slots in apps/scoreboard.ts, the control lines in apps/worker-process.ts. Descriptors:
3 control, 4 queue of requests (shared by all threads of all workers: the kernel gives each packet to one idle reader),
5 leash, 6 scoreboard, 7 this text.

Each thread has one slot of the scoreboard and one stream socket to each front thread. A request is received straight
into the slot, so that its id is in shared memory the moment the kernel hands it over: whatever kills this process,
the master can tell which requests died with it.
"""

import contextvars
import faulthandler
import fcntl
import gc
import importlib
import importlib.util
import io
import json
import marshal
import mmap
import os
import re
import signal
import socket
import struct
import sys
import threading
import time
from importlib.machinery import SourceFileLoader

from server_stream import EXPIRED, FRAME, PULL_MAX, Body, Gone, Stream
from server_wsgi import FileWrapper, Reply, render, run

CONTROL, QUEUE, LEASH, SCOREBOARD, SOURCE = 3, 4, 5, 6, 7

# Request frame, see apps/frames.ts: id, front, flags, epoch, environ bytes, body bytes, deadline.
REQUEST = struct.Struct("<IBBHIId")
HEAD_METHOD, SPOOLED, QUIT = 1, 2, 4

IDLE_WAKE_SECONDS = 1  # how soon an idle thread sees that its worker is to finish
REPLACED_SECONDS = 5  # a front thread that died has a successor by then, and we a stream to it
EXIT_SECONDS = 5  # for what the application does at the exit of a worker that finishes by itself
NO_ID = b"\0\0\0\0"


# --------------------------------------------------------------------------------------------------------- threads


class Thread:
    """One thread of the worker: receives, runs, answers, until the worker is to finish."""

    def __init__(self, worker, index):
        settings = worker.settings
        start = settings["slots"][index] * settings["slotBytes"]
        slot = memoryview(worker.board)[start : start + settings["slotBytes"]]
        self.worker = worker
        self.streams = [None] * settings["fronts"]
        self.pid = slot[0:4].cast("I")
        self.since = slot[8:16].cast("d")
        self.handled = slot[16:24].cast("Q")
        self.frame = slot[settings["frameOffset"] :]
        self.frame[0:4] = NO_ID
        self.pid[0] = os.getpid()

    def main(self):
        try:
            self.serve()
        except BaseException as error:  # the slot still names the request: the front answers 502 when we exit
            self.worker.finishing = True
            sys.stderr.write("this worker finishes and is replaced:\n" + render(error))

    def serve(self):
        """The loop that everything else is there for: no work in it that could be done before."""
        worker, streams, frame, since, handled = self.worker, self.streams, self.frame, self.since, self.handled
        receive, unpack, loads, clock = worker.queue.recv_into, REQUEST.unpack_from, marshal.loads, time.monotonic
        application, base, context = worker.application, worker.environ, worker.context
        head_size = REQUEST.size
        environ_part = frame[head_size:]
        while not worker.finishing:
            try:
                size = receive(frame)
            except BlockingIOError:
                continue
            except OSError:
                return  # a forked copy of this process: its sockets are closed
            if size < head_size:
                orphaned()
            ident, front, flags, epoch, environ_size, body_size, deadline = unpack(frame)
            if flags & QUIT:
                return
            now = since[0] = clock()
            stream = streams[front]
            if now > deadline:
                if not self.expired(stream, front, epoch, ident):
                    return
                continue
            environ = loads(environ_part)
            environ.update(base)
            body = None
            if flags & SPOOLED:
                body = Body(stream, epoch, ident, int(environ["CONTENT_LENGTH"]))
                environ["wsgi.input"] = io.BufferedReader(body, PULL_MAX)
            else:
                start = head_size + environ_size
                environ["wsgi.input"] = io.BytesIO(frame[start : start + body_size])
            reply = Reply(stream, epoch, ident, flags & HEAD_METHOD)
            context.copy().run(run, application, environ, reply)
            reply.state = "closed"
            if body is not None:
                body.stream = None
            if stream.fault is not None and not self.survives(stream, front):
                return
            handled[0] += 1
            frame[0:4] = NO_ID

    def expired(self, stream, front, epoch, ident):
        """False: this worker finishes."""
        try:
            stream.send(FRAME.pack(EXPIRED, 0, epoch, ident, 0, 0))
        except Gone:
            if not self.survives(stream, front):
                return False
        self.frame[0:4] = NO_ID
        return True

    def survives(self, stream, front):
        """The stream is lost. If that was since the front thread died, its successor brings another, and nobody waits
        for the reply. Else the worker finishes, and the slot goes on naming the request: it is answered 502 then."""
        if stream.fault is Stream.CLOSED:
            until = time.monotonic() + REPLACED_SECONDS
            while self.streams[front] is stream and not self.worker.finishing and time.monotonic() < until:
                time.sleep(0.02)
            if self.streams[front] is not stream:
                return True
        self.worker.broken(stream)
        return False


class Control:
    """The control socket: one JSON object per line, descriptors beside it."""

    SPACE = socket.CMSG_SPACE(253 * 4)  # SCM_MAX_FD, unix(7)

    def __init__(self):
        self.socket = socket.socket(fileno=CONTROL)
        self.socket.setblocking(True)
        self.text = b""
        self.descriptors = []

    def line(self):
        """The next message; None when the master is gone."""
        while b"\n" not in self.text:
            data, beside, _, _ = self.socket.recvmsg(65536, self.SPACE, socket.MSG_CMSG_CLOEXEC)
            if not data:
                return None
            self.text += data
            for level, kind, raw in beside:
                if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                    count = len(raw) // 4
                    self.descriptors.extend(struct.unpack("%di" % count, raw[: count * 4]))
        line, self.text = self.text.split(b"\n", 1)
        return json.loads(line)

    def say(self, **message):
        self.socket.sendall(json.dumps(message).encode() + b"\n")


class Worker:
    """The process: its settings, its application, its threads."""

    def __init__(self, control):
        self.control = control
        self.settings = control.line()
        if self.settings is None or os.getppid() != self.settings["master"]:
            os._exit(1)  # the master died before the leash was on
        self.finishing = False
        self.is_copy = False  # a child that the application forked
        self.board = mmap.mmap(SCOREBOARD, 0)
        self.queue = socket.socket(fileno=QUEUE)
        self.queue.setblocking(True)
        self.queue.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", IDLE_WAKE_SECONDS, 0))
        self.application = None
        self.threads = []

    def load(self):
        settings = self.settings
        prepare_interpreter(settings["root"])
        self.application = load_application(settings["root"], settings["wsgi"])
        self.environ = {
            "SERVER_SOFTWARE": settings["software"],
            "wsgi.version": (1, 0),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": settings["threads"] > 1,
            "wsgi.multiprocess": settings["processes"] > 1,
            "wsgi.run_once": False,
            "wsgi.file_wrapper": FileWrapper,
            "wsgi.input_terminated": True,
        }
        self.context = contextvars.copy_context()
        gc.collect()
        gc.freeze()
        self.threads = [Thread(self, index) for index in range(settings["threads"])]
        os.register_at_fork(after_in_child=self.forked)

    def obey(self, message):
        """One line of the master's."""
        if "streams" in message:
            for index in range(message["first"], message["first"] + message["count"]):
                self.threads[index].streams[message["streams"]] = Stream(self.control.descriptors.pop(0))
            if index == len(self.threads) - 1:
                self.control.say(connected=message["streams"])

    def connected(self):
        return all(None not in thread.streams for thread in self.threads)

    def serve(self):
        while not self.connected():
            self.obey_next()
        threading.Thread(target=self.listen, name="server-control", daemon=True).start()
        # The first serves in the main thread: signal handlers of the application work there.
        others = [threading.Thread(target=thread.main, name="server-serve") for thread in self.threads[1:]]
        for thread in others:
            thread.start()
        self.threads[0].main()
        for thread in others:
            thread.join()

    def listen(self):
        while True:
            self.obey_next()

    def obey_next(self):
        message = self.control.line()
        if message is None:
            orphaned()
        self.obey(message)

    def broken(self, stream):
        if self.is_copy:
            return
        self.finishing = True
        try:
            stream.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it is no socket any more
        try:
            sys.stderr.write("%s: this worker finishes and is replaced\n" % stream.fault)
        except Exception:
            pass  # the application has replaced or closed its stderr

    def forked(self):
        """In a child that the application forked: it must neither take requests nor answer them."""
        self.finishing = self.is_copy = True
        self.queue.close()
        self.control.socket.close()
        for thread in self.threads:
            for stream in thread.streams:
                if stream is not None:
                    stream.socket.close()


def orphaned():
    """The master is gone. Its death closes one descriptor after the other: who sees the first of them close must not
    simply exit, for with it would go the leash that is about to end the processes that the application started."""
    os.killpg(0, signal.SIGKILL)


# -------------------------------------------------------------------------------------------------------- start-up


def prepare_process():
    """Own process group (a terminal's ^C is the master's business, and a kill takes the children along), a leash (the
    kernel kills the whole group the moment the master is gone, even if Python is stuck), nothing inherited further.

    SCHED_BATCH (sched(7)): a thread that a request wakes does not take the processor from the front that sent it. The
    front hands out all it has, then the woken threads find several requests each: half as many context switches. On two
    cores 1.45 to 1.6 times the requests per second, at 0.6 of the processor time for each (hello, 4 x 2)."""
    os.setpgid(0, 0)
    try:
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    except OSError:
        pass  # a sandbox may forbid it; it is faster with, and right without
    for descriptor in (CONTROL, QUEUE, LEASH, SCOREBOARD):
        os.set_inheritable(descriptor, False)
    os.close(SOURCE)
    F_SETSIG = 10
    fcntl.fcntl(LEASH, fcntl.F_SETOWN, -os.getpid())
    fcntl.fcntl(LEASH, F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(LEASH, fcntl.F_SETFL, fcntl.fcntl(LEASH, fcntl.F_GETFL) | os.O_ASYNC)


def prepare_interpreter(root):
    """As `python manage.py` in the project's directory would find it."""
    sys.argv = ["server"]
    os.chdir(root)
    if sys.path and sys.path[0] == "":
        sys.path[0] = root
    elif root not in sys.path:
        sys.path.insert(0, root)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    faulthandler.enable()


def load_application(root, target):
    if target["kind"] == "file":
        module = import_file(root, target["file"])
    else:
        module = importlib.import_module(target["module"])
    application = module
    for name in target["callable"].split("."):
        application = getattr(application, name)
    if not callable(application):
        found = type(application).__name__
        raise TypeError("%s of %s is a %s, it must be callable" % (target["callable"], module.__name__, found))
    return application


def import_file(root, path):
    """Under the root and named like a module: imported as one, so that it is not there twice under two names."""
    parts = os.path.relpath(path, root).split(os.sep)
    stem, extension = os.path.splitext(parts[-1])
    parts[-1] = stem
    if extension == ".py" and all(part.isidentifier() for part in parts):
        return importlib.import_module(".".join(parts))
    name = re.sub(r"\W", "_", stem)
    spec = importlib.util.spec_from_file_location(name, path, loader=SourceFileLoader(name, path))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def name_process(settings):
    try:
        with open("/proc/self/comm", "w") as comm:
            comm.write(("py-%s" % settings["app"])[:15])
    except OSError:
        pass


def main():
    prepare_process()
    control = Control()
    worker = Worker(control)
    name_process(worker.settings)
    try:
        worker.load()
    except BaseException as error:
        control.say(failed=render(error))
        sys.stdout.flush()
        os._exit(1)
    control.say(ready=os.getpid(), python=sys.executable, version=sys.version.split()[0])
    worker.serve()
    if worker.finishing:
        threading.Thread(target=leave, name="server-leave", daemon=True).start()


def leave():
    """Requests are answered 502 when this process has exited: threads of the application must not put that off."""
    time.sleep(EXIT_SECONDS)
    os._exit(1)


main()
