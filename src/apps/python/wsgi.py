"""PEP 3333: one request through the application, its reply as frames on the stream to the front thread.

What it is not: an HTTP server. Framing, keep-alive, slow clients and limits are the front's business; processes and
threads are worker.py's. Standard library only, Python 3.8 and newer. The frames are drawn in apps/frames.ts.
"""

import importlib
import re
import struct
import sys
import traceback

from server_file import FileWrapper
from server_loan import PIECE_MAX, Worth
from server_stream import ABORT, BORROW, DATA, END, FILE, FRAME, REPLY, ClientLeft, Gone

PART = struct.Struct("<QQ")  # of a FILE frame: offset, length
FRAME_DATA_MAX = 1 << 30  # a larger block is sent as several frames (the size has 32 bits)
BORROW_FROM = 32 * 1024  # with a block of this size the client's connection is asked for
BORROW_AGAIN = 1024 * 1024  # bytes of content until it is asked for once more
SPLIT_FROM = 512 * 1024  # of a larger block only the beginning goes before
SPLIT_AT = 64 * 1024
LENT_MIN = 8 * 1024  # smaller blocks are better gathered by the front
HEAD_MAX = 256 * 1024 - 64  # REPLY_HEAD_BYTES_MAX in apps/frames.ts, less the Content-Length that announce() adds


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

worth = Worth()
known_names = {}  # name as spelled → is it Content-Length?
known_statuses = {}  # status → has such a reply no content?
known_heads = {}  # (status, header, header…) → what check_head found
KEPT_HEAD_MAX = 1024  # bytes; larger heads carry what is never the same twice


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


def check_head(status, headers):
    """(head, announced length or None, has such a reply no content?) of a status and headers that are as they must be."""
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
    head = text.encode("latin-1")
    if len(head) > HEAD_MAX:
        raise ValueError("status and headers have %d bytes, they may have %d" % (len(head), HEAD_MAX))
    return head, length, bodiless


def head_of(status, headers):
    """As check_head; what was found right a moment ago is not looked at again, since most replies of an application have
    one of a few heads."""
    key = (status, *headers)
    try:
        known = known_heads.get(key)
    except TypeError:  # something in it cannot be hashed, so it is no str
        return check_head(status, key[1:])
    if known is None:
        known = check_head(status, key[1:])
        if len(known[0]) <= KEPT_HEAD_MAX:
            if len(known_heads) >= KNOWN_MAX:
                known_heads.clear()
            known_heads[key] = known
    return known


def content_length(text, before):
    if before is not None:
        raise ValueError("Content-Length is there twice")
    if not DIGITS(text):
        raise ValueError("Content-Length %r is not a number of bytes" % text)
    return int(text)


# --------------------------------------------------------------------------------------------------------- replies


class Reply:
    """The reply to one request: its start_response, its write, and how its blocks become frames.

    `state` is "open" (nothing sent), "begun" (head sent), "over" (END or ABORT sent), "left" (nobody waits for the rest)
    or "closed" (its time is past: whatever the application still calls is refused, for the stream belongs to the next
    request).
    """

    __slots__ = (
        "stream", "ident", "is_head", "state", "status", "head", "left", "bodiless", "overrun", "borrows_in"
    )

    def __init__(self, stream, ident, is_head, lends):
        """`lends`: the client's connection may be asked for."""
        self.stream = stream
        self.ident = ident
        self.is_head = is_head
        self.state = "open"
        self.status = None
        self.left = None  # bytes that Content-Length still announces
        self.overrun = False
        self.borrows_in = 0 if lends else -1  # bytes of content until it is asked for; below 0: never

    def start_response(self, status, headers, exc_info=None):
        if exc_info is not None:
            try:
                if self.state != "open":
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # no reference cycle (PEP 3333)
        elif self.status is not None:
            raise AssertionError("start_response was called a second time without exc_info (PEP 3333)")
        self.head, self.left, bodiless = head_of(status, headers)
        self.status, self.bodiless = status, bodiless or self.is_head
        return self.write

    def write(self, data):
        if not isinstance(data, bytes):
            raise TypeError("write() was given a %s, it must be bytes" % type(data).__name__)
        try:
            self.block(data, False)
        except Gone:
            self.give_up()  # that a client left is no error of the application: it goes on unheard

    def block(self, data, alone):
        """Sends one block at once; `alone`: it is known to be the whole content."""
        if self.state == "open":
            if self.status is None:
                raise AssertionError("content was given before start_response was called")
            if alone and self.left is None:
                self.announce(len(data))
        elif self.state == "begun":
            self.stream.check(self.ident)
        elif self.state == "left":
            raise ClientLeft("the client left")
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
        if len(data) > SPLIT_FROM and self.borrows_in == 0 and self.stream.loan is None:
            self.borrows_in = BORROW_AGAIN
            data = memoryview(data)
            self.frame(data[:SPLIT_AT], BORROW)
            data = data[SPLIT_AT:]
        if self.stream.loan is not None:
            data = self.write_lent(data)
            if not data:
                return self.over() if last else None
        while len(data) > FRAME_DATA_MAX:
            self.frame(data[:FRAME_DATA_MAX], 0)
            data = data[FRAME_DATA_MAX:]
        self.frame(data, END if last else 0)

    def frame(self, data, flags):
        if not flags and self.borrows_in >= 0:
            flags = self.borrow_flag(len(data))
        if self.state == "open":
            head, self.state = self.head, "begun"
            if flags & END:
                self.state = "over"
            header = FRAME.pack(REPLY, flags, self.ident, len(head), len(data)) + head
        else:
            if flags & END:
                self.state = "over"
            header = FRAME.pack(DATA, flags, self.ident, 0, len(data))
        if flags & BORROW:
            self.stream.borrow(self.ident, header, data)
        else:
            self.stream.send(header, data)

    def borrow_flag(self, size):
        if self.state == "open" and self.left is None:
            self.borrows_in = worth.after
        if self.borrows_in > 0:
            self.borrows_in = max(0, self.borrows_in - size)
            return 0
        if size < BORROW_FROM or self.left is not None and self.left < worth.LEAST:
            return 0
        self.borrows_in = BORROW_AGAIN
        return BORROW

    def write_lent(self, data):
        """To the client itself. Gives what must go by way of the front after all."""
        stream, ident = self.stream, self.ident
        if len(data) < LENT_MIN:
            stream.give_back(ident, b"", 0)
            return data
        view = memoryview(data)
        try:
            for start in range(0, len(view), PIECE_MAX):
                rest = stream.loan.write(view[start : start + PIECE_MAX])
                if rest:
                    stream.give_back(ident, rest, 0)
                    return view[start + PIECE_MAX :]
        except Gone:
            raise
        except BaseException:  # of a signal handler: nobody knows what the client has of it
            self.give_up()
            raise
        return b""

    def over(self):
        stream = self.stream
        if stream.loan is None:
            return self.frame(b"", END)
        self.state = "over"
        worth.learn(stream.loan.content)
        stream.give_back(self.ident, b"", END)

    def hand_over(self, wrapper):
        """Gives the front the file behind the wrapper, from where it stands. False: it must be read here."""
        if self.state != "open" or self.status is None or self.status[:3] in ("204", "304"):
            return False
        part = wrapper.part()
        if part is None:
            return False
        descriptor, offset, length = part
        if self.left is not None:
            if self.left > length:
                raise ValueError("Content-Length announced %d bytes, the file has %d" % (self.left, length))
            length = self.left
        if not self.stream.give_file(self.ident, descriptor):
            return False
        self.state = "over"
        header = FRAME.pack(FILE, END, self.ident, len(self.head), PART.size)
        self.stream.send(header + self.head, PART.pack(offset, length))
        return True

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
            self.over()

    def give_up(self):
        """Nobody waits for it: the front is told that this was all."""
        self.stream.drop_loan()
        if self.state in ("open", "begun"):
            self.state = "left"
            try:
                self.stream.send(FRAME.pack(ABORT, 0, self.ident, 0, 0))
            except Gone:
                pass

    def fail(self):
        """A plain 500 if nothing was sent yet, else the client must see that the reply is broken."""
        self.stream.drop_loan()
        if self.state == "open":
            self.head = b"500 Internal Server Error\nContent-Type:text/plain; charset=utf-8\n"
            self.status, self.bodiless = "500", self.is_head
            self.frame(b"" if self.is_head else b"Internal Server Error\n", END)
        elif self.state == "begun":
            self.state = "over"
            self.stream.send(FRAME.pack(ABORT, 0, self.ident, 0, 0))


def run(application, environ, reply):
    """One request through the application (PEP 3333 "The Server/Gateway Side")."""
    iterable = None
    try:
        iterable = application(environ, reply.start_response)
        if type(iterable) is not FileWrapper or not reply.hand_over(iterable):
            send(iterable, reply)
    except Gone:
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


def send(iterable, reply):
    """Each block before the next is asked for."""
    alone = hasattr(iterable, "__len__") and len(iterable) == 1
    for data in iterable:
        if not isinstance(data, bytes):
            raise TypeError("the application gave a %s, content must be bytes" % type(data).__name__)
        if data:
            reply.block(data, alone)
            if reply.overrun or (reply.bodiless and reply.state == "over"):
                break
    reply.finish()


FAILURES = {"open": "answered with 500", "begun": "the reply was cut"}


def failed(environ, reply, error):
    report(environ, FAILURES.get(reply.state, "failed behind its reply"), error)
    try:
        reply.fail()
    except Gone:
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
    """The traceback without the frames of ours that lead to the application; the error alone if it has no others. What the
    application has done to the interpreter may be in the way of that, too."""
    trace = error.__traceback__
    while trace is not None and is_ours(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    try:
        return "".join(traceback.format_exception(type(error), error, trace))
    except Exception as obstacle:
        return "%s %s (no traceback: %r)\n" % (type(error).__name__, error.args, obstacle)


def is_ours(filename):
    return filename.startswith(("<server ", "<frozen importlib")) or filename == importlib.__file__
