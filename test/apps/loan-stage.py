"""Plays the front for one Reply: what is done is said in the arguments, what came of it is printed as JSON.

    python3 loan-stage.py DIRECTORY_OF_PYTHON_FILES CASE
"""

import array
import json
import os
import socket
import sys
import threading
import types

for name in ("loan", "stream", "file", "wsgi"):
    module = sys.modules["server_" + name] = types.ModuleType("server_" + name)
    path = os.path.join(sys.argv[1], name + ".py")
    with open(path) as file:
        exec(compile(file.read(), path, "exec"), module.__dict__)

wsgi, frames = sys.modules["server_wsgi"], sys.modules["server_stream"]
KINDS = "- REPLY DATA ABORT PULL EXPIRED FAIL CANCEL FILE RETURN LOAN NO_LOAN".split()
IDENT = 7
BLOCK = bytes(range(256)) * 256  # 64 KiB
HEADERS = [("Content-Type", "text/plain")]


def connection():
    """Both ends of a TCP connection: with a socket pair a client that is gone looks otherwise."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        client = socket.create_connection(listener.getsockname())
        return listener.accept()[0], client


class Front:
    """Notes the frames that come, and answers those with the flag BORROW by `answers`, one after the other, then with no."""

    def __init__(self, answers):
        self.answers = list(answers)
        self.mine, theirs = socket.socketpair()
        self.stream = frames.Stream(theirs.detach(), socket.socket(), 1)
        self.connection, self.client = connection()
        self.came = []
        self.got = bytearray()  # by the client
        self.thread = threading.Thread(target=self.listen)
        self.thread.start()

    def listen(self):
        while True:
            header = self.exactly(frames.FRAME.size)
            if header is None:
                return
            kind, flags, ident, head, data = frames.FRAME.unpack(header)
            content = self.exactly(head + (0 if kind == frames.PULL else data))
            frame = {"kind": KINDS[kind], "flags": flags, "head": head, "data": data}
            if kind == frames.RETURN:
                frame["content"], frame["written"] = frames.COUNTS.unpack(content[head:])
                frame["rest"] = content[:head].hex()
            self.came.append(frame)
            if flags & frames.BORROW:
                self.answer(self.answers.pop(0) if self.answers else "refused")

    def exactly(self, size):
        have = b""
        while len(have) < size:
            more = self.mine.recv(size - len(have))
            if not more:
                return None
            have += more
        return have

    def answer(self, how):
        if how == "in chunks" or how == "with length":
            self.tell(frames.LOAN, frames.CHUNKED if how == "in chunks" else 0, self.connection.fileno())
        elif how == "without descriptor":
            self.tell(frames.LOAN, frames.CHUNKED)
        elif how == "refused":
            self.tell(frames.NO_LOAN, 0)
        elif how == "cancelled":
            self.tell(frames.CANCEL, 0)
        elif how == "closed":
            self.mine.shutdown(socket.SHUT_RDWR)

    def tell(self, kind, flags, descriptor=None):
        beside = [] if descriptor is None else [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]))]
        self.mine.sendmsg([frames.FRAME.pack(kind, flags, IDENT, 0, 0)], beside)

    def read_all(self):
        """As the client, beside what is written."""

        def read():
            while True:
                more = self.client.recv(1 << 16)
                if not more:
                    return
                self.got += more

        self.reader = threading.Thread(target=read)
        self.reader.start()

    def end(self, reply):
        self.stream.close()
        self.thread.join()
        self.connection.close()
        if hasattr(self, "reader"):
            self.reader.join()
        print(json.dumps({
            "came": self.came,
            "got": len(self.got),
            "chunks": chunks_of(bytes(self.got)),
            "state": reply.state,
            "descriptors": len([fd for fd in os.listdir("/proc/self/fd") if int(fd) > 2 and is_socket(fd)]),
        }))


def is_socket(fd):
    try:
        return os.readlink("/proc/self/fd/" + fd).startswith("socket:")
    except OSError:
        return False


def chunks_of(wire):
    """Sizes, if the bytes are chunks of BLOCKs; None: they are not."""
    sizes, content, at = [], b"", 0
    while at < len(wire):
        end = wire.find(b"\r\n", at)
        try:
            size = int(wire[at:end], 16)
        except ValueError:
            return None
        content += wire[end + 2 : end + 2 + size]
        if wire[end + 2 + size : end + 4 + size] != b"\r\n":
            return None
        sizes.append(size)
        at = end + 4 + size
    whole = BLOCK * (len(content) // len(BLOCK) + 1)
    return sizes if content == whole[: len(content)] else None


def run(front, blocks, headers=HEADERS, lends=True):
    def application(environ, start_response):
        start_response("200 OK", headers)
        return blocks if len(blocks) == 1 else (block() if callable(block) else block for block in blocks)

    reply = wsgi.Reply(front.stream, IDENT, False, lends)
    wsgi.run(application, {"REQUEST_METHOD": "GET"}, reply)
    return reply


def simple(answers, blocks, reads=True, **more):
    front = Front(answers)
    if reads:
        front.read_all()
    front.end(run(front, blocks, **more))


def leaves():
    """The client closes with bytes unread, and so resets the connection."""
    front = Front(["in chunks"])

    def leave():
        front.client.close()
        return BLOCK

    front.end(run(front, [BLOCK] * 4 + [leave, BLOCK, BLOCK, BLOCK]))


def breaks():
    front = Front(["in chunks"])
    front.read_all()

    def fail():
        raise ValueError("the application fails")

    front.end(run(front, [BLOCK] * 4 + [fail]))


def cut():
    """A signal handler raises while the client is waited for."""
    front = Front(["in chunks"])
    loan = sys.modules["server_loan"].Loan
    loan.has_room = lambda _: (_ for _ in ()).throw(TimeoutError("of a signal handler"))
    front.end(run(front, [BLOCK] * 400))


def forks():
    """A child goes on with the reply of its parent; Worker.forked closes the streams there."""
    front = Front(["in chunks"])
    front.read_all()

    def fork():
        child = os.fork()
        if child == 0:
            front.stream.close()
            sys.stderr.close()
            if front.stream.loan is not None:
                os._exit(4)
            try:
                reply = wsgi.Reply(front.stream, IDENT, False, True)
                reply.state, reply.bodiless = "begun", False
                wsgi.send([BLOCK, BLOCK], reply)
            except frames.Gone:
                os._exit(3)
            os._exit(0)
        return b"" if os.WEXITSTATUS(os.waitpid(child, 0)[1]) == 3 else b"the child wrote on"

    front.end(run(front, [BLOCK] * 4 + [fork, BLOCK]))


def timed_slow():
    """An application that gives all sockets a timeout makes no difference for a client that takes nothing."""
    socket.setdefaulttimeout(10)
    simple(["in chunks"], [BLOCK] * 400, reads=False)


def handler_raises():
    """A signal handler raises what looks like an error of the socket, when the bytes have gone."""
    front = Front(["in chunks"])
    front.read_all()
    module = sys.modules["server_loan"]

    class Interrupted:
        def __init__(self, *made):
            self.inner = socket.socket(*made)

        def __getattr__(self, name):
            return getattr(self.inner, name)

        def sendmsg(self, *given):
            self.inner.sendmsg(*given)
            raise TimeoutError("of a signal handler")

    module.socket = Interrupted
    front.end(run(front, [BLOCK] * 5))


def shut():
    """The front shuts the connection down in the middle of a block, and the client stays."""
    front = Front(["in chunks"])

    def shut_down():
        threading.Timer(0.3, front.connection.shutdown, [socket.SHUT_WR]).start()
        sys.modules["server_loan"].PATIENCE_MS = 3000
        return BLOCK * 400

    front.end(run(front, [BLOCK] * 3 + [shut_down]))


def leaves_while_read():
    """That nobody waits is told while the request's body is awaited."""
    front = Front(["refused"])
    body = frames.Body(front.stream, IDENT, 10)

    def read():
        front.tell(frames.CANCEL, 0)
        front.mine.send(frames.FRAME.pack(frames.DATA, 0, IDENT, 0, 10) + b"0123456789")
        return BLOCK if body.readall() == b"0123456789" else b""

    front.end(run(front, [BLOCK, read, BLOCK, BLOCK, BLOCK]))


def closes():
    """An application that closes what it does not know."""
    front = Front(["in chunks"])
    front.read_all()

    def close():
        os.close(front.stream.loan.socket.fileno())
        return BLOCK

    front.end(run(front, [BLOCK] * 4 + [close, BLOCK]))


def learns(counts):
    """Replies of so many blocks, one after the other."""
    front = Front(["in chunks"] * 20)
    front.read_all()
    for count in counts:
        reply = run(front, [BLOCK] * count)
    front.end(reply)


LENGTH = [("Content-Length", str(8 * len(BLOCK)))]
SHORT = [("Content-Length", str(4 * len(BLOCK)))]
CASES = {
    "chunks": lambda: simple(["in chunks"], [BLOCK] * 6),
    "large": lambda: simple(["in chunks"], [BLOCK] * 3 + [BLOCK * 5]),
    "split": lambda: simple(["in chunks"], [BLOCK * 10, b"", BLOCK]),
    "whole_split": lambda: simple(["with length"], [BLOCK * 10]),
    "split_refused": lambda: simple(["refused"], [BLOCK * 10]),
    "length": lambda: simple(["with length"], [BLOCK] * 8, headers=LENGTH),
    "short_length": lambda: simple([], [BLOCK] * 4, headers=SHORT),
    "too_long": lambda: simple(["with length"], [BLOCK] * 10, headers=LENGTH),
    "too_short": lambda: simple(["with length"], [BLOCK] * 7, headers=LENGTH),
    "refused": lambda: simple(["refused"], [BLOCK] * 5),
    "asked_again": lambda: simple(["refused", "in chunks"], [BLOCK] * 22),
    "not_lent": lambda: simple([], [BLOCK] * 5, lends=False),
    "few": lambda: simple([], [BLOCK] * 2),
    "small": lambda: simple([], [BLOCK[:30000]] * 8),
    "whole": lambda: simple([], [BLOCK]),
    "mixed": lambda: simple(["in chunks"], [BLOCK] * 4 + [b"small", BLOCK, BLOCK]),
    "without_descriptor": lambda: simple(["without descriptor"], [BLOCK] * 5),
    "cancelled": lambda: simple(["cancelled"], [BLOCK] * 5),
    "closed": lambda: simple(["closed"], [BLOCK] * 5),
    "slow": lambda: simple(["in chunks"], [BLOCK] * 400, reads=False),
    "leaves": leaves,
    "breaks": breaks,
    "cut": cut,
    "forks": forks,
    "timed_slow": timed_slow,
    "closes": closes,
    "handler_raises": handler_raises,
    "shut": shut,
    "leaves_while_read": leaves_while_read,
    "learns": lambda: learns([3] * 3 + [9] * 5),
    "learns_no_further": lambda: learns([3, 5, 9, 17, 17, 17]),
}
CASES[sys.argv[2]]()
