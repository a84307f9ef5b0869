"""The connection of a client, lent by the front thread that has it: large blocks go from here to the client, and not through
another process. Only while the client takes them: one that does not is the front's business again (apps/frames.ts, RETURN).

A reply of 1 MiB in blocks of 64 KiB takes two thirds to three quarters of the processor time like that. Standard library only, Python 3.8 and newer.
"""

# By their own names: whatever the application puts in their place (gevent's monkey.patch_all), it comes later.
from select import POLLOUT, poll
from socket import AF_INET, SOCK_STREAM, socket

MSG_NOSIGNAL = 0x4000  # of Linux; PyPy does not name it
PATIENCE_MS = 2  # as in exchange/patience.ts
PIECE_MAX = 128 * 1024  # written at once, in a chunk of its own: what is left of it goes back in one frame, as its head (256 KiB)


class Worth:
    """After how much of a reply the connection is asked for, where nobody knows how long it will be: to ask costs as much as to
    pass on about 200 KiB. It is learned from the replies before, of whatever thread."""

    LEAST = 256 * 1024  # bytes, for which it is worth it
    STEP = 64 * 1024
    MOST = 1024 * 1024

    def __init__(self):
        self.after = 2 * self.STEP  # bytes

    def learn(self, content):
        """A reply is over that was written here to its end; so many bytes since it was asked for last."""
        if content < self.LEAST:
            self.after = min(max(2 * self.after, self.STEP), self.MOST)
        else:
            self.after = self.after // 2 if self.after > self.STEP else 0


class Loan:
    """`content`: bytes of the reply's content that were written, or are in what is left of a piece. `written`: bytes."""

    __slots__ = ("socket", "is_chunked", "content", "written", "room")

    def __init__(self, descriptor, is_chunked):
        self.socket = socket(AF_INET, SOCK_STREAM, 0, descriptor)
        self.socket.setblocking(False)  # as it is for the front, whatever socket.setdefaulttimeout says
        self.is_chunked = is_chunked
        self.content = self.written = 0
        self.room = None

    def write(self, piece):
        """Writes it as the client is to see it. What is left when the client takes nothing for a moment, or is gone: that is
        for the front to find out."""
        parts = (b"%x\r\n" % len(piece), piece, b"\r\n") if self.is_chunked else (piece,)
        size = len(piece) if len(parts) == 1 else len(parts[0]) + len(piece) + 2
        self.content += len(piece)
        sent = self.send(parts)
        if sent == size:
            return b""
        rest = memoryview(b"".join(parts))
        while sent < size and self.has_room():
            more = self.send((rest[sent:],))
            if more == 0:  # there is room, and nothing goes: the front has shut it down
                break
            sent += more
        return rest[sent:]

    def send(self, parts):
        try:
            sent = self.socket.sendmsg(parts, (), MSG_NOSIGNAL)
        except OSError as error:  # no room; or the client is gone, or the application has closed it
            if error.errno is None:  # a signal handler's (TimeoutError)
                raise
            return 0
        self.written += sent
        return sent

    def has_room(self):
        if self.room is None:
            self.room = poll()
            self.room.register(self.socket, POLLOUT)
        return self.room.poll(PATIENCE_MS) == [(self.socket.fileno(), POLLOUT)]

    def close(self):
        try:
            self.socket.close()
        except OSError as error:  # the application was before us
            if error.errno is None:
                raise
