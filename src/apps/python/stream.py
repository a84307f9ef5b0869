"""The stream socket between one Python thread and one front thread: frames out, request bodies in.

What the frames say of a request is wsgi.py's business; what becomes of a worker whose stream is lost, worker.py's.
Standard library only, Python 3.8 and newer. The frames are drawn in apps/frames.ts.
"""

import errno
import io
import os
import socket
import struct

from server_loan import Loan

# What both directions of a stream are made of: type, flags, id, head bytes, data bytes.
FRAME = struct.Struct("<BBxxIII")
REPLY, DATA, ABORT, PULL, EXPIRED, FAIL, CANCEL, FILE, RETURN, LOAN, NO_LOAN = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
END = 1
BORROW = 2  # behind what has this flag, `borrow` is called
CHUNKED = 1
COUNTS = struct.Struct("<QQ")
MSG_CMSG_CLOEXEC = 0x40000000  # of Linux; PyPy does not name it

PULL_MAX = 256 * 1024  # bytes of request body asked for at once; PULL_BYTES_MAX in apps/frames.ts
JOIN_MAX = 8 * 1024  # a larger block is not copied behind its frame header: the kernel gathers the two


class Gone(ConnectionAbortedError):
    """Nobody takes the reply any more: stop working for it. Not an error of the application."""


class ClientLeft(Gone):
    """The front says so; the stream to it is as good as before."""


class StreamLost(Gone):
    """The stream itself cannot be used any more: its `fault` says why."""


class Stream:
    """The stream socket between this thread and one front thread."""

    __slots__ = ("socket", "files", "epoch", "fault", "loan", "cancelled")

    CUT = "an exception from a signal handler cut a frame"
    CLOSED = "the front thread has closed its stream"

    def __init__(self, descriptor, files, epoch):
        """`files`: the socket over which this worker gives that front descriptors of files. `epoch`: which front thread
        of that number is at the other end."""
        self.files = files
        self.epoch = epoch
        self.socket = socket.socket(fileno=descriptor)
        self.socket.setblocking(True)
        self.loan = None  # the connection of the client that is answered, while it is ours to write to
        self.cancelled = 0  # the request that nobody waits for any more, if that was heard while something else was awaited
        self.fault = None  # why nothing may follow on it: CUT, CLOSED, or what the kernel says of the descriptor

    def send(self, header, data=b""):
        """Sends one frame; every byte of it or StreamLost."""
        if self.fault is not None:
            raise StreamLost(self.fault)
        try:
            if len(data) <= JOIN_MAX:
                self.socket.sendall(header + data)
            else:
                sent = self.socket.sendmsg((header, data)) - len(header)
                if sent < len(data):  # a signal came in between
                    self.rest(header, data, sent)
        except OSError as error:
            raise self.lost(error) from error
        except BaseException:
            self.fault = self.CUT
            raise

    def rest(self, header, data, sent):
        if sent < 0:
            self.socket.sendall(header[sent:])
            sent = 0
        self.socket.sendall(memoryview(data)[sent:])

    def lost(self, error):
        """Notes the fault. EBADF, ENOTSOCK: the application closed our descriptor. An error without a number comes from
        a signal handler (TimeoutError), which may have cut a frame."""
        if error.errno in (errno.EPIPE, errno.ECONNRESET):
            self.fault = self.CLOSED
        elif error.errno is None:
            self.fault = self.CUT
        else:
            self.fault = "the stream to a front thread is broken (%s)" % error
        return StreamLost(self.fault)

    def give_file(self, ident, descriptor):
        """Sends the descriptor for the reply to `ident`, before the frame that speaks of it. False: it does not go."""
        beside = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", descriptor))]
        try:
            self.files.sendmsg([struct.pack("<I", ident)], beside, socket.MSG_DONTWAIT)
            return True
        except OSError:  # full, too many descriptors on their way, or the application has closed it
            return False

    def borrow(self, ident, header, data):
        """Sends content with the flag BORROW, and waits for the answer: then there is a loan, or none, or ClientLeft is raised."""
        room = socket.CMSG_SPACE(struct.calcsize("i"))
        descriptors = []
        try:
            self.send(header, data)
            while True:
                try:
                    header, beside, _, _ = self.socket.recvmsg(FRAME.size, room, MSG_CMSG_CLOEXEC)
                except OSError as error:
                    raise self.lost(error) from error
                for _, _, data in beside:
                    descriptors += struct.unpack("i", data[:4])
                header = self.whole(header)
                kind, flags, answered, _, _ = FRAME.unpack(header)
                if answered != ident:
                    continue
                if kind == CANCEL:
                    raise ClientLeft("the client left")
                if kind == LOAN and descriptors:
                    self.loan = Loan(descriptors.pop(), flags & CHUNKED != 0)
                elif kind == LOAN:  # this process has no room for another
                    self.tell_returned(ident, 0, 0, b"", 0)
                if kind in (LOAN, NO_LOAN):
                    return
        except Gone:
            raise
        except BaseException:
            self.fault = self.CUT
            raise
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def give_back(self, ident, rest, flags):
        """`rest`: goes to the client before anything else, as it is."""
        loan = self.loan
        try:
            self.drop_loan()
            self.tell_returned(ident, loan.content, loan.written, rest, flags)
        except Gone:
            raise
        except BaseException:
            self.fault = self.CUT
            raise

    def tell_returned(self, ident, content, written, rest, flags):
        self.send(FRAME.pack(RETURN, flags, ident, len(rest), COUNTS.size) + rest, COUNTS.pack(content, written))

    def drop_loan(self):
        if self.loan is not None:
            self.loan.close()
            self.loan = None

    def close(self):
        self.drop_loan()
        self.socket.close()
        self.files.close()

    def pull(self, ident, into):
        """Fills `into` with the next bytes of the request body."""
        self.send(FRAME.pack(PULL, 0, ident, 0, len(into)))
        header = memoryview(bytearray(FRAME.size))
        try:
            while True:
                self.fill(header)
                kind, _, answered, _, size = FRAME.unpack(header)
                if kind == DATA and answered == ident and size == len(into):
                    return self.fill(into)
                if kind == CANCEL:
                    self.cancelled = answered
                if kind == FAIL and answered == ident:
                    raise ClientLeft("the client left before its request body was read")
        except Gone:
            raise
        except BaseException:
            self.fault = self.CUT
            raise

    def fill(self, into):
        receive, length, have = self.socket.recv_into, len(into), 0
        while have < length:
            try:
                size = receive(into[have:])
            except OSError as error:
                raise self.lost(error) from error
            if size == 0:
                self.fault = self.CLOSED
                raise StreamLost(self.fault)
            have += size

    def whole(self, header):
        """What began like this, as far as a frame's header goes."""
        if len(header) == FRAME.size:
            return header
        rest = bytearray(FRAME.size - len(header))
        self.fill(memoryview(rest))
        return header + rest

    def check(self, ident):
        """Raises ClientLeft if the front has told that nobody waits for the reply to `ident` any more."""
        if self.cancelled == ident:
            raise ClientLeft("the client left")
        try:
            header = self.socket.recv(FRAME.size, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError as error:
            raise self.lost(error) from error
        kind, _, told, _, _ = FRAME.unpack(self.whole(header))
        if kind == CANCEL and told == ident:
            raise ClientLeft("the client left")


class Body(io.RawIOBase):
    """A request body that the front holds: pulled when it is read. BufferedReader makes a wsgi.input of it."""

    def __init__(self, stream, ident, length):
        self.stream, self.ident, self.left = stream, ident, length

    def readable(self):
        return True

    def readinto(self, into):
        wanted = min(len(into), PULL_MAX, self.left)
        if wanted == 0:
            return 0
        if self.stream is None:
            raise ValueError("wsgi.input was read after the end of its request")
        self.stream.pull(self.ident, memoryview(into)[:wanted])
        self.left -= wanted
        return wanted

    def readall(self):
        whole = bytearray(self.left)
        view, have = memoryview(whole), 0
        while self.left > 0:
            have += self.readinto(view[have:])
        return bytes(whole)
