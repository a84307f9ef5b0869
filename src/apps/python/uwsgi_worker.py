"""What the `uwsgi` module knows of the process that it is in: its worker, its slots, what is to be done after a fork.

Loaded with every worker, so that it is told of it; small for that reason. Standard library only, Python 3.8 and newer.
The slots are drawn in apps/scoreboard.ts.
"""

import mmap
import struct
import sys
import threading
import time

from server_process import SCOREBOARD

# Slot: pid, begun, since, handled, deadline, deadline's id, worker; thread; then the frame with the id of the request.
SLOT = struct.Struct("<IIdQdIIQ")


class Slot:
    __slots__ = ("pid", "handled", "worker", "is_busy")

    def __init__(self, board, at, frame_offset):
        self.pid, _, _, self.handled, _, _, self.worker, _ = SLOT.unpack_from(board, at)
        self.is_busy = board[at + frame_offset : at + frame_offset + 4] != b"\0\0\0\0"


class Current:
    """The process that this is."""

    def __init__(self):
        self.settings = None
        self.worker = None
        self.board = None

    def worker_id(self):
        return 0 if self.settings["isZygote"] else self.settings["worker"]

    def slots(self):
        if self.board is None:
            self.board = mmap.mmap(SCOREBOARD, 0)
        settings = self.settings
        for at in range(0, len(self.board), settings["slotBytes"]):
            yield Slot(self.board, at, settings["frameOffset"])

    def limit(self, seconds):
        """For the request that this thread runs: its deadline, then the id that makes it count."""
        thread = None if self.worker is None else self.worker.serving(threading.get_ident())
        if thread is None:
            raise RuntimeError("set_user_harakiri() is for the thread that runs a request")
        thread.slot[24:32].cast("d")[0] = time.monotonic() + seconds
        thread.slot[32:36] = thread.frame[0:4] if seconds > 0 else b"\0\0\0\0"

    def ask_reload(self):
        if self.worker is None:
            raise RuntimeError("uwsgi.reload() cannot be called while the project is imported")
        self.worker.control.say(reload=True)


current = Current()


def run_postfork_hooks():
    """Of uwsgidecorators, and whatever was assigned to uwsgi.post_fork_hook, in each worker before its first request."""
    uwsgi, decorators = sys.modules.get("uwsgi"), sys.modules.get("uwsgidecorators")
    for hook in getattr(decorators, "postfork_chain", ()):
        hook()
    hook = vars(uwsgi).get("post_fork_hook") if uwsgi is not None else None
    if hook is not None:
        hook()
