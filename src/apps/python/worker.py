"""One worker process of an app: imports the project once, then answers the requests that arrive as frames.

What a request and its reply are is wsgi.py's business. Standard library only, Python 3.8 and newer. The frames are
drawn in apps/frames.ts, the slots in apps/scoreboard.ts, the control lines in apps/worker-process.ts. Descriptors:
3 control, 4 queue of requests (shared by all threads of all workers: the kernel gives each packet to one idle reader),
5 leash, 6 scoreboard, 7 this text, 8 file for stacks, 9 file that all workers share.

Each thread has one slot of the scoreboard and one stream socket to each front thread. A request is received straight
into the slot, so that its id is in shared memory the moment the kernel hands it over: whatever kills this process,
the master can tell which requests died with it.
"""

import contextvars
import io
import marshal
import mmap
import os
import select
import socket
import struct
import sys
import threading
import time

import server_provided as provided
import server_zygote as zygote
from server_control import Control
from server_load import load_application, with_static_finders
from server_process import (
    CONTROL,
    LEASH,
    QUEUE,
    SCOREBOARD,
    confine,
    name_process,
    orphaned,
    prepare_interpreter,
    prepare_process,
    prepare_stacks,
)
from server_stream import EXPIRED, FRAME, PULL_MAX, Body, Gone, Stream
from server_uwsgi_worker import current, run_postfork_hooks
from server_wsgi import FileWrapper, Reply, render, run

# Request frame, see apps/frames.ts: id, front, flags, epoch, environ bytes, body bytes, deadline, limit.
REQUEST = struct.Struct("<IBBHIIdI")
HEAD_METHOD, SPOOLED, QUIT, WAKE, LENDS = 1, 2, 4, 8, 16

AT_ONCE = socket.MSG_DONTWAIT
IDLE_WAKE_SECONDS = 1  # how soon an idle thread sees that its worker is to finish
REPLACED_SECONDS = 5  # a front thread that died has a successor by then, and we a stream to it
EXIT_SECONDS = 5  # for what the application does at the exit of a worker that finishes by itself
ORPHANED_SECONDS = 0.2  # between the first descriptor that a dying master closes and the last
NO_ID = b"\0\0\0\0"
EPOCHS = 1 << 16  # they come round


# --------------------------------------------------------------------------------------------------------- threads


class Thread:
    """One thread of the worker: receives, runs, answers, until the worker is to finish."""

    def __init__(self, worker, index):
        settings = worker.settings
        start = settings["slots"][index] * settings["slotBytes"]
        slot = memoryview(worker.board)[start : start + settings["slotBytes"]]
        self.worker = worker
        self.streams = [None] * settings["fronts"]
        self.slot = slot
        self.pid = slot[0:4].cast("I")
        self.begun = slot[4:8].cast("I")
        self.since = slot[8:16].cast("d")
        self.handled = slot[16:24].cast("Q")
        self.retracted = slot[48:52].cast("I")
        self.frame = slot[settings["frameOffset"] :]
        self.frame[0:4] = NO_ID
        slot[36:40].cast("I")[0] = settings["worker"]
        self.pid[0] = os.getpid()
        self.ident = None

    def main(self):
        self.ident = self.slot[40:48].cast("Q")[0] = threading.get_ident()
        try:
            self.serve()
        except BaseException as error:  # the slot still names the request: the front answers 502 when we exit
            self.worker.finishing = True
            sys.stderr.write("this worker finishes and is replaced:\n" + render(error))
        finally:
            if not self.worker.is_copy:
                self.pid[0] = 0  # nobody takes requests here any more

    def serve(self):
        """The loop that everything else is there for: no work in it that could be done before.

        A thread that finds no request lets the others run once before it sleeps: the front that got its reply may have
        the next one, and to be woken costs both sides more than to look again. On two cores half the switches between
        threads, 1.1 times the requests per second at 0.85 of the processor time for each (hello, 4 x 2)."""
        yield_processor = os.sched_yield
        worker, streams, frame = self.worker, self.streams, self.frame
        since, begun, handled, retracted = self.since, self.begun, self.handled, self.retracted
        receive, unpack, loads, clock = worker.queue.recv_into, REQUEST.unpack_from, marshal.loads, time.monotonic
        application, base, context = worker.application, worker.environ, worker.context
        abandoned, places = worker.abandoned, len(worker.abandoned)
        head_size = REQUEST.size
        environ_part = frame[head_size:]
        how = AT_ONCE
        while not worker.finishing:
            try:
                size = receive(frame, 0, how)
            except BlockingIOError:
                if how:
                    yield_processor()
                how = 0  # wait, as long as the socket's timeout
                continue
            except OSError:
                return  # a forked copy of this process: its sockets are closed
            how = AT_ONCE
            if size < head_size:
                return worker.unqueued()
            ident, front, flags, epoch, environ_size, body_size, deadline, _ = unpack(frame)
            if flags & (QUIT | WAKE):
                if flags & QUIT:
                    return
                continue
            stream = streams[front]
            if stream.epoch != epoch:  # that front thread was replaced
                stream = self.stream_to(front, epoch)
                if stream is None:
                    frame[0:4] = NO_ID
                    continue
            now = since[0] = clock()
            begun[0] = ident  # from here on it is never run again, whatever becomes of this process
            # Nobody waits for it: too late, its client has left, or it was sent to somebody else (apps/retraction.ts).
            if now > deadline or abandoned[(ident + 37 * front) % places] == ident or retracted[0] == ident:
                if not self.expired(stream, front, ident):
                    return
                continue
            environ = loads(environ_part)
            environ.update(base)
            body = None
            if flags & SPOOLED:
                body = Body(stream, ident, int(environ["CONTENT_LENGTH"]))
                environ["wsgi.input"] = io.BufferedReader(body, PULL_MAX)
            elif body_size:
                start = head_size + environ_size
                environ["wsgi.input"] = io.BytesIO(frame[start : start + body_size])
            else:
                environ["wsgi.input"] = io.BytesIO()
            reply = Reply(stream, ident, flags & HEAD_METHOD, flags & LENDS)
            context.copy().run(run, application, environ, reply)
            reply.state = "closed"
            if body is not None:
                body.stream = None
            if stream.fault is not None and not self.survives(stream, front):
                return
            handled[0] += 1
            frame[0:4] = NO_ID

    def stream_to(self, front, epoch):
        """The stream to the front thread that has sent a request: one of another epoch than ours leads to. None: nobody
        waits for it. What is ahead of us is a successor, of which the master is about to tell us."""
        until = time.monotonic() + REPLACED_SECONDS
        while (epoch - self.streams[front].epoch) % EPOCHS < EPOCHS // 2:
            if self.streams[front].epoch == epoch:
                return self.streams[front]
            if time.monotonic() > until:
                raise RuntimeError("the streams to front thread %d have not come" % front)
            if self.worker.stopping:
                break
            time.sleep(0.01)
        return None

    def expired(self, stream, front, ident):
        """False: this worker finishes."""
        try:
            stream.send(FRAME.pack(EXPIRED, 0, ident, 0, 0))
        except Gone:
            if not self.survives(stream, front):
                return False
        self.frame[0:4] = NO_ID
        return True

    def survives(self, stream, front):
        """The stream is lost. If that was since the front thread died, its successor brings another, and nobody waits
        for the reply. Else the worker finishes, and the slot goes on naming the request: it is answered 502 then."""
        worker = self.worker
        if stream.fault is Stream.CLOSED:
            until = time.monotonic() + REPLACED_SECONDS
            while self.streams[front] is stream and not worker.leaves() and time.monotonic() < until:
                time.sleep(0.02)
            if self.streams[front] is not stream or worker.stopping:
                return True
        worker.broken(stream)
        return False


class Worker:
    """The process: its settings, its application, its threads."""

    def __init__(self, control, settings, application):
        self.control = control
        self.settings = settings
        self.application = application
        self.finishing = False
        self.stopping = False  # so does the server: its fronts have answered everybody
        self.is_copy = False  # a child that the application forked
        self.board = mmap.mmap(SCOREBOARD, 0)
        self.abandoned = memoryview(self.board)[settings["abandonedOffset"] : settings["slotBytes"]].cast("I")
        self.queue = socket.socket(fileno=QUEUE)
        self.queue.setblocking(True)
        self.queue.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", IDLE_WAKE_SECONDS, 0))
        self.files = {}  # by front: the socket for descriptors of files
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
        self.threads = [Thread(self, index) for index in range(settings["threads"])]
        os.register_at_fork(after_in_child=self.forked)

    def obey(self, message):
        """One line of the master's."""
        if "files" in message:
            self.files[message["files"]] = socket.socket(fileno=self.control.descriptors.pop(0))
        elif "streams" in message:
            for index in range(message["first"], message["first"] + message["count"]):
                stream = Stream(self.control.descriptors.pop(0), self.files[message["streams"]], message["epoch"])
                self.threads[index].streams[message["streams"]] = stream
        elif "stop" in message:
            self.stopping = True
        elif "finish" in message:
            self.finishing = True
            self.control.say(finishing=True)

    def leaves(self):
        return self.finishing or self.stopping

    def serving(self, ident):
        """Our thread of this number; None: it is one of the application's."""
        return next((thread for thread in self.threads if thread.ident == ident), None)

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

    def unqueued(self):
        """Nothing comes from the queue any more. Either the master is gone, and the kernel is about to end our group, or
        somebody has shut the queue down: then this worker finishes, since the next queue is its successor's."""
        if select.select([LEASH], [], [], ORPHANED_SECONDS)[0]:
            orphaned()
        if not self.finishing:
            self.finishing = True
            self.control.say(unqueued=True)

    def listen(self):
        try:
            while True:
                self.obey_next()
        except OSError as error:
            self.finishing = True
            sys.stderr.write("%s: this worker finishes and is replaced\n" % error)

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
                    stream.close()


# -------------------------------------------------------------------------------------------------------- start-up


def main():
    prepare_process()
    control = Control(CONTROL)
    settings = current.settings = hear(control)
    try:
        name(settings)
        provided.offer()
        confine(settings)
        prepare_interpreter(settings["root"], settings["pythonPath"])
        prepare_stacks(settings["stacksSignal"])
        if settings["isZygote"] and not settings["preload"]:
            zygote.prepare_without_project(control)
            control, settings = fork(control)
        application = load_application(settings["root"], settings["wsgi"])
        if settings["staticFinders"]:
            application = with_static_finders(application)
        if settings["isZygote"]:
            zygote.prepare_to_fork()
            control, settings = fork(control)
        else:
            zygote.set_aside()
        worker = current.worker = Worker(control, settings, application)
        run_postfork_hooks()
    except BaseException as error:
        control.say(failed=render(error))
        sys.stdout.flush()
        os._exit(1)
    say_ready(control)
    worker.serve()
    if worker.finishing:
        threading.Thread(target=leave, name="server-leave", daemon=True).start()


def fork(control):
    """Returns in each worker, with its control socket and its settings."""
    say_ready(control)
    control = zygote.serve(control)
    settings = current.settings = hear(control)
    name(settings)
    return control, settings


def hear(control):
    settings = control.line()
    if settings is None:
        orphaned()
    return settings


def name(settings):
    zygotes = "preload" if settings["preload"] else "zygote"
    what = zygotes if settings["isZygote"] else "worker %d" % settings["worker"]
    name_process("py-%s" % settings["app"], "server: %s %s" % (settings["app"], what))


def say_ready(control):
    control.say(ready=os.getpid(), python=sys.executable, version=sys.version.split()[0])


def leave():
    """Requests are answered 502 when this process has exited: threads of the application must not put that off."""
    time.sleep(EXIT_SECONDS)
    os._exit(1)


main()
