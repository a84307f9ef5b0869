"""A Python process before it imports anything of the project: its group, its leash, within which bounds it runs, what it
is called. As whom it runs is settled before there is an interpreter (apps/python-launch.ts). The descriptors are drawn in
apps/worker-process.ts.

What it is not: who loads the project (load.py), who runs requests (worker.py), who forks (zygote.py). Standard library
only, Python 3.8 and newer.
"""

import faulthandler
import fcntl
import os
import select
import signal
import sys

CONTROL, QUEUE, LEASH, SCOREBOARD, SOURCE, STACKS, SHARED = 3, 4, 5, 6, 7, 8, 9

F_SETSIG, F_GETSIG = 10, 11
PR_SET_NAME_BYTES = 15  # the kernel's bound of a process name, prctl(2)


def prepare_process():
    """What a process that the master has started does first."""
    for descriptor in (CONTROL, QUEUE, LEASH, SCOREBOARD, STACKS, SHARED):
        os.set_inheritable(descriptor, False)
    os.close(SOURCE)
    fcntl.fcntl(STACKS, fcntl.F_SETFL, fcntl.fcntl(STACKS, fcntl.F_GETFL) | os.O_APPEND)
    lead_group()


def lead_group():
    """Own process group (a terminal's ^C is the master's business, and a kill takes the children along), and a leash: the
    kernel kills the whole group the moment the master is gone, even if Python is stuck.

    SCHED_BATCH (sched(7)): a thread that a request wakes does not take the processor from the front that sent it. The
    front hands out all it has, then the woken threads find several requests each: half as many context switches. On two
    cores 1.45 to 1.6 times the requests per second, at 0.6 of the processor time for each (hello, 4 x 2)."""
    os.setpgid(0, 0)
    try:
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    except OSError:
        pass  # a sandbox may forbid it; it is faster with, and right without
    # That which the launcher has put on, as root, may end whoever the processes of this group come to be.
    if fcntl.fcntl(LEASH, F_GETSIG) != signal.SIGKILL:
        fcntl.fcntl(LEASH, fcntl.F_SETOWN, -os.getpid())
        fcntl.fcntl(LEASH, F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(LEASH, fcntl.F_SETFL, fcntl.fcntl(LEASH, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([LEASH], [], [], 0)[0]:
        os._exit(1)  # nothing is ever sent on it: the master died before the leash was on


def orphaned():
    """The master is gone. Its death closes one descriptor after the other: who sees the first of them close must not
    simply exit, for with it would go the leash that is about to end the processes that the application started."""
    os.killpg(0, signal.SIGKILL)


def confine(settings):
    """Bounds and umask of the settings. Who may raise bounds has made room for it before (os/launch.ts)."""
    bounds = settings["limits"]
    if bounds:
        import resource

        for bound in bounds:
            which = getattr(resource, "RLIMIT_" + bound["name"].upper())
            try:
                resource.setrlimit(which, (bound["value"], bound["value"]))
            except ValueError as error:
                hard = resource.getrlimit(which)[1]
                what = "limits.%s is %d, and the hard limit %d may not be raised here" % (bound["name"], bound["value"], hard)
                raise ValueError("%s: %s" % (what, error)) from None
    if settings["umask"] is not None:
        os.umask(settings["umask"])


def prepare_stacks(number):
    """The master asks by this signal where the threads are, for the log. The stacks are written in C, whoever has the
    GIL, into a file: nothing can block there."""
    if hasattr(faulthandler, "register"):
        faulthandler.register(number, STACKS, all_threads=True, chain=False)
    else:
        signal.signal(number, lambda *_: faulthandler.dump_traceback(STACKS))  # PyPy: only while it runs Python


def name_process(name, title):
    """`name` for top and ps -e; `title` in place of the command line, as far as there is room for it."""
    try:
        with open("/proc/self/comm", "w") as comm:
            comm.write(name.encode()[:PR_SET_NAME_BYTES].decode("utf-8", "ignore"))
        write_title(title.encode())
    except (OSError, ValueError, ImportError, AttributeError):
        pass  # a sandbox may forbid it, or there is no ctypes


def write_title(title):
    """The kernel shows the memory in which the arguments were when the process began (proc(5), cmdline): it is
    overwritten. Where it is stands in /proc/self/stat, fields 48 and 49."""
    with open("/proc/self/stat", "rb") as stat:
        fields = stat.read().rpartition(b")")[2].split()
    start, end = int(fields[45]), int(fields[46])
    with open("/proc/self/mem", "r+b", 0) as memory:
        memory.seek(start)
        memory.write(title[: end - start - 1].ljust(end - start, b"\0"))


def prepare_interpreter(root, pythonpath):
    """As `python manage.py` in the project's directory would find it."""
    sys.argv = ["server"]
    os.chdir(root)
    if sys.path and sys.path[0] == "":
        sys.path[0] = root
    elif root not in sys.path:
        sys.path.insert(0, root)
    at = sys.path.index(root) + 1
    sys.path[at:at] = [folder for folder in pythonpath if folder not in sys.path]
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    faulthandler.enable()
