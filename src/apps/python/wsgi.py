"""PEP 3333: one request through the application, its reply as frames on the stream to the front thread.

What it is not: an HTTP server. Framing, keep-alive, slow clients and limits are the front's business; processes and
threads are worker.py's. Standard library only, Python 3.8 and newer. The frames are drawn in apps/frames.ts.
"""

import io
import re
import socket
import struct
import sys
import traceback

# What both directions of a stream are made of: type, flags, epoch, id, head bytes, data bytes.
FRAME = struct.Struct("<BBHIII")
REPLY, DATA, ABORT, PULL, EXPIRED, FAIL, CANCEL = 1, 2, 3, 4, 5, 6, 7
END = 1

PULL_MAX = 256 * 1024  # bytes of request body asked for at once; PULL_BYTES_MAX in apps/frames.ts
JOIN_MAX = 64 * 1024  # a larger block is sent by itself instead of being copied behind its frame header
FRAME_DATA_MAX = 1 << 30  # a larger block is sent as several frames (the size has 32 bits)


class ClientLeft(ConnectionAbortedError):
    """The client or the front thread is gone: stop working for it. Not an error of the application."""


# ---------------------------------------------------------------------------------------------------- reply heads

# RFC 9110 section 7.6.1: they belong to the connection, which is the server's (PEP 3333 "Other HTTP Features").
HOP_BY_HOP = frozenset(
    "connection keep-alive proxy-authenticate proxy-connection te trailer trailers transfer-encoding upgrade".split()
)
TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch
VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*").fullmatch
STATUS = re.compile(r"[2-5][0-9][0-9](?: [\t\x20-\x7e\x80-\xff]*)?").fullmatch
DIGITS = re.compile(r"[0-9]{1,18}").fullmatch
KNOWN_MAX = 1024  # names and statuses are few; an application that invents them must not fill memory

known_names = {}  # name as spelled → is it Content-Length?
known_statuses = {}  # status → has such a reply no content?


def check_name(name):
    if not isinstance(name, str):
        raise TypeError("header name %r is a %s, it must be a str" % (name, type(name).__name__))
    if not TOKEN(name):
        raise ValueError("header name %r is not a token (RFC 9110 section 5.1)" % name)
    lower = name.lower()
    if lower in HOP_BY_HOP:
        raise ValueError("header %r belongs to the connection: an application must not set it (PEP 3333)" % name)
    if len(known_names) < KNOWN_MAX:
        known_names[name] = lower == "content-length"
    return lower == "content-length"


def check_value(name, value):
    if not isinstance(value, str):
        raise TypeError("value %r of header %r is a %s, it must be a str" % (value, name, type(value).__name__))
    if not VALUE(value):
        raise ValueError("value %r of header %r has a control or a non-latin-1 character" % (value, name))


def check_status(status):
    if not isinstance(status, str):
        raise TypeError("status %r is a %s, it must be a str" % (status, type(status).__name__))
    if not STATUS(status):
        raise ValueError('status %r must be like "200 OK", from 200 to 599' % status)
    bodiless = status[:3] in ("204", "304")
    if len(known_statuses) < KNOWN_MAX:
        known_statuses[status] = bodiless
    return bodiless


def content_length(text, before):
    if before is not None:
        raise ValueError("Content-Length is there twice")
    if not DIGITS(text):
        raise ValueError("Content-Length %r is not a number of bytes" % text)
    return int(text)


# --------------------------------------------------------------------------------------------------------- streams


class Stream:
    """The stream socket between this thread and one front thread."""

    __slots__ = ("socket", "broken")

    def __init__(self, descriptor):
        self.socket = socket.socket(fileno=descriptor)
        self.socket.setblocking(True)
        self.broken = False  # a frame was cut by an exception from a signal handler: nothing may follow it

    def send(self, header, data=b""):
        """Sends one frame; every byte of it or ClientLeft."""
        try:
            if len(data) <= JOIN_MAX:
                self.socket.sendall(header + data)
            else:
                self.socket.sendall(header)
                self.socket.sendall(data)
        except OSError as error:
            raise ClientLeft("the front thread is gone") from error
        except BaseException:
            self.broken = True
            raise

    def pull(self, epoch, ident, into):
        """Fills `into` with the next bytes of the request body."""
        self.send(FRAME.pack(PULL, 0, epoch, ident, 0, len(into)))
        header = memoryview(bytearray(FRAME.size))
        try:
            while True:
                self.fill(header)
                kind, _, _, answered, _, size = FRAME.unpack(header)
                if kind == DATA and answered == ident and size == len(into):
                    return self.fill(into)
                if kind == FAIL and answered == ident:
                    raise ClientLeft("the client left before its request body was read")
        except ClientLeft:
            raise
        except BaseException:
            self.broken = True
            raise

    def fill(self, into):
        receive, length, have = self.socket.recv_into, len(into), 0
        while have < length:
            size = receive(into[have:])
            if size == 0:
                raise ClientLeft("the front thread is gone")
            have += size

    def check(self, ident):
        """Raises ClientLeft if the front has told that nobody waits for the reply to `ident` any more."""
        try:
            header = self.socket.recv(FRAME.size, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError as error:
            raise ClientLeft("the front thread is gone") from error
        if len(header) < FRAME.size:
            raise ClientLeft("the front thread is gone")
        kind, _, _, told, _, _ = FRAME.unpack(header)
        if kind == CANCEL and told == ident:
            raise ClientLeft("the client left")


class Body(io.RawIOBase):
    """A request body that the front holds: pulled when it is read. BufferedReader makes a wsgi.input of it."""

    def __init__(self, stream, epoch, ident, length):
        self.stream, self.epoch, self.ident, self.left = stream, epoch, ident, length

    def readable(self):
        return True

    def readinto(self, into):
        wanted = min(len(into), PULL_MAX, self.left)
        if wanted == 0:
            return 0
        if self.stream is None:
            raise ValueError("wsgi.input was read after the end of its request")
        self.stream.pull(self.epoch, self.ident, memoryview(into)[:wanted])
        self.left -= wanted
        return wanted

    def readall(self):
        whole = bytearray(self.left)
        view, have = memoryview(whole), 0
        while self.left > 0:
            have += self.readinto(view[have:])
        return bytes(whole)


class FileWrapper:
    """wsgi.file_wrapper (PEP 3333): the file from where it stands to its end, in blocks."""

    BLOCK = 64 * 1024  # the size an application asks for is a hint; Django's 4096 would be 16 times the frames

    def __init__(self, filelike, block_size=BLOCK):
        self.filelike = filelike
        self.block_size = max(block_size, self.BLOCK)
        if hasattr(filelike, "close"):
            self.close = filelike.close

    def __iter__(self):
        return self

    def __next__(self):
        block = self.filelike.read(self.block_size)
        if not block:
            raise StopIteration
        return block


# --------------------------------------------------------------------------------------------------------- replies


class Reply:
    """The reply to one request: its start_response, its write, and how its blocks become frames.

    `state` is "open" (nothing sent), "begun" (head sent), "over" (END or ABORT sent) or "closed" (its time is past:
    whatever the application still calls is refused, for the stream belongs to the next request).
    """

    __slots__ = ("stream", "epoch", "ident", "is_head", "state", "status", "head", "left", "bodiless", "overrun")

    def __init__(self, stream, epoch, ident, is_head):
        self.stream = stream
        self.epoch = epoch
        self.ident = ident
        self.is_head = is_head
        self.state = "open"
        self.status = None
        self.left = None  # bytes that Content-Length still announces
        self.overrun = False

    def start_response(self, status, headers, exc_info=None):
        if exc_info is not None:
            try:
                if self.state != "open":
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # no reference cycle (PEP 3333)
        elif self.status is not None:
            raise AssertionError("start_response was called a second time without exc_info (PEP 3333)")
        bodiless = known_statuses.get(status) if type(status) is str else None
        if bodiless is None:
            bodiless = check_status(status)
        text, length = status + "\n", None
        for name, value in headers:
            is_length = known_names.get(name) if type(name) is str else None
            if is_length is None:
                is_length = check_name(name)
            if not (isinstance(value, str) and value.isascii() and value.isprintable()):
                check_value(name, value)
            if is_length:
                length = content_length(value, length)
            text += name + ":" + value + "\n"
        self.head = text.encode("latin-1")
        self.status, self.left, self.bodiless = status, length, bodiless or self.is_head
        return self.write

    def write(self, data):
        if not isinstance(data, bytes):
            raise TypeError("write() was given a %s, it must be bytes" % type(data).__name__)
        self.block(data, False)

    def block(self, data, alone):
        """Sends one block at once; `alone`: it is known to be the whole content."""
        if self.state == "open":
            if self.status is None:
                raise AssertionError("content was given before start_response was called")
            if alone and self.left is None:
                self.announce(len(data))
        elif self.state == "begun":
            self.stream.check(self.ident)
        else:
            self.overrun = self.overrun or (data != b"" and not self.bodiless)
            return
        if self.bodiless:
            return self.frames(b"", True)
        if self.left is None:
            return self.frames(data, False)
        self.overrun = len(data) > self.left
        if self.overrun:
            data = data[: self.left]
        self.left -= len(data)
        self.frames(data, self.left == 0)

    def announce(self, length):
        """PEP 3333: the length of the only block is the length of the content."""
        if not self.bodiless or self.is_head and self.status[:3] not in ("204", "304"):
            self.head += b"Content-Length:%d\n" % length
            self.left = length

    def frames(self, data, last):
        while len(data) > FRAME_DATA_MAX:
            self.frame(data[:FRAME_DATA_MAX], 0)
            data = data[FRAME_DATA_MAX:]
        self.frame(data, END if last else 0)

    def frame(self, data, flags):
        if self.state == "open":
            head, self.state = self.head, "begun"
            if flags:
                self.state = "over"
            header = FRAME.pack(REPLY, flags, self.epoch, self.ident, len(head), len(data)) + head
        else:
            if flags:
                self.state = "over"
            header = FRAME.pack(DATA, flags, self.epoch, self.ident, 0, len(data))
        self.stream.send(header, data)

    def finish(self):
        """The application has given all its content."""
        if self.state == "open":
            if self.status is None:
                raise AssertionError("the application returned without calling start_response")
            if self.left and not self.bodiless:
                raise ValueError("Content-Length announced %d bytes, no content was given" % self.left)
            if self.left is None:
                self.announce(0)
            self.frame(b"", END)
        elif self.state == "begun":
            if self.left:
                raise ValueError("%d bytes of the announced Content-Length are missing" % self.left)
            self.frame(b"", END)

    def give_up(self):
        """Nobody waits for it: the front is told that this was all."""
        if self.state != "over":
            self.state = "over"
            try:
                self.stream.send(FRAME.pack(ABORT, 0, self.epoch, self.ident, 0, 0))
            except ClientLeft:
                pass

    def fail(self):
        """A plain 500 if nothing was sent yet, else the client must see that the reply is broken."""
        if self.state == "open":
            self.head = b"500 Internal Server Error\nContent-Type:text/plain; charset=utf-8\n"
            self.status, self.bodiless = "500", self.is_head
            self.frame(b"" if self.is_head else b"Internal Server Error\n", END)
        elif self.state == "begun":
            self.state = "over"
            self.stream.send(FRAME.pack(ABORT, 0, self.epoch, self.ident, 0, 0))


def run(application, environ, reply):
    """One request through the application (PEP 3333 "The Server/Gateway Side")."""
    iterable = None
    try:
        iterable = application(environ, reply.start_response)
        alone = hasattr(iterable, "__len__") and len(iterable) == 1
        for data in iterable:
            if not isinstance(data, bytes):
                raise TypeError("the application gave a %s, content must be bytes" % type(data).__name__)
            if data:
                reply.block(data, alone)
                if reply.overrun or (reply.bodiless and reply.state == "over"):
                    break
        reply.finish()
    except ClientLeft:
        reply.give_up()
    except BaseException as error:  # SystemExit, KeyboardInterrupt too: they end the request, not the worker
        failed(environ, reply, error)
    finally:
        close = getattr(iterable, "close", None)
        if close is not None:
            try:
                close()
            except BaseException as error:
                report(environ, "close() of the reply failed", error)
    if reply.overrun:
        report(environ, "the application gave more content than its Content-Length; the rest was cut", None)


def failed(environ, reply, error):
    report(environ, "the reply was cut" if reply.state == "begun" else "answered with 500", error)
    try:
        reply.fail()
    except ClientLeft:
        pass


def report(environ, what, error):
    text = "%s %s: %s\n" % (environ.get("REQUEST_METHOD"), ascii(environ.get("REQUEST_URI", ""))[1:-1], what)
    if error is not None:
        text += render(error)
    try:
        sys.stderr.write(text)
    except Exception:
        pass  # the application has replaced or closed its stderr


def render(error):
    """The traceback without the frames of ours that lead to the application; the error alone if it has no others."""
    trace = error.__traceback__
    while trace is not None and is_ours(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(error), error, trace))


def is_ours(filename):
    return filename.startswith(("<server ", "<frozen importlib"))
