"""The control socket between the master and a Python process: one JSON object per line, descriptors beside it. What is
said on it stands at the head of apps/worker-process.ts. Standard library only, Python 3.8 and newer.
"""

import errno
import json
import socket
import struct

CMSG_CLOEXEC = getattr(socket, "MSG_CMSG_CLOEXEC", 0x40000000)  # PyPy does not name it


class Control:
    """The control socket: one JSON object per line, descriptors beside it."""

    SPACE = socket.CMSG_SPACE(253 * 4)  # SCM_MAX_FD, unix(7)

    def __init__(self, descriptor):
        self.socket = socket.socket(fileno=descriptor)
        self.socket.setblocking(True)
        self.text = b""
        self.descriptors = []

    def line(self):
        """The next message; None when the master is gone. OSError when descriptors that came with it found no room."""
        while b"\n" not in self.text:
            data, beside, flags, _ = self.socket.recvmsg(65536, self.SPACE, CMSG_CLOEXEC)
            if not data:
                return None
            if flags & socket.MSG_CTRUNC:
                raise OSError(errno.EMFILE, "no room for the sockets to the front threads (limits.nofile, or ulimit -n)")
            self.text += data
            for level, kind, raw in beside:
                if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                    count = len(raw) // 4
                    self.descriptors.extend(struct.unpack("%di" % count, raw[: count * 4]))
        line, self.text = self.text.split(b"\n", 1)
        return json.loads(line)

    def say(self, **message):
        self.socket.sendall(json.dumps(message).encode() + b"\n")
