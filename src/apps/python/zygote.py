"""The process from which the workers of an app are forked. It serves nothing. With `preload` it has imported the project;
without, only what every worker needs before it imports the project itself (library.py): then they share that memory.

The master tells it to fork, with the child's descriptors beside the order, and to reap: who has ended is seen by its
control socket, so that no SIGCHLD of the application's is in the way. Standard library only, Python 3.8 and newer.

    master says   {"fork": key} with stdout, stderr, control and leash · {"reap": pid}
    zygote says   {"forked": key, "pid": pid} · {"unborn": key, "why": text} when the system had no room for it
                  {"reaped": pid, "status": wait status}, null when somebody else took it
                  without `preload`, before it is ready: {"reads": paths}, the files that the start of an interpreter goes
                  by: when they change, another is to be started; or {"unfit": why} and the end: nothing can be forked
"""

import gc
import importlib
import os
import sys
import threading

from server_control import Control
from server_library import import_library
from server_process import CONTROL, LEASH, lead_group, orphaned

CHILD_PLACES = (1, 2, CONTROL, LEASH)


def prepare_to_fork():
    """What a fork would share and must not: connections are closed, the rest is named in the log. Garbage is collected
    and what is left set aside, so that the collector of a worker does not write to the pages that all share."""
    close_django_connections()
    threads = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
    if threads:
        complain("the project has started threads at its import, which workers do not have: %s" % ", ".join(threads))
    sockets = count_sockets()
    if sockets:
        complain("the project has opened %d sockets at its import, which all workers share" % sockets)
    set_aside()


def set_aside():
    gc.collect()
    if hasattr(gc, "freeze"):  # PyPy needs none
        gc.freeze()


def prepare_without_project(control):
    """Whoever finds something here that a fork does not survive, put there by a .pth file or a sitecustomize, lets the
    master start each worker by itself."""
    name = import_library()
    if name is not None:
        give_up(control, "the project has a module %s, and so has Python" % name)
    if len(os.listdir("/proc/self/task")) > 1:
        give_up(control, "threads are started with the interpreter")
    if count_sockets():
        give_up(control, "sockets are opened with the interpreter")
    packages = [place for place in sys.path if place.endswith("-packages")]
    control.say(reads=[sys.executable, os.path.join(sys.prefix, "pyvenv.cfg")] + packages)
    set_aside()


def give_up(control, why):
    control.say(unfit=why)
    os._exit(0)


def close_django_connections():
    """Only what the project has loaded: nothing is imported for this."""
    database = sys.modules.get("django.db")
    if database is not None:
        for connection in database.connections.all():
            connection.close()
            close_pool = getattr(connection, "close_pool", None)
            if close_pool is not None:
                close_pool()
    cache = sys.modules.get("django.core.cache")
    if cache is not None:
        cache.close_caches()


def count_sockets():
    """Those beside ours: 3 to 5. The queue, the control socket and the leash have been there before the project."""
    count = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            count += int(name) > LEASH and os.readlink("/proc/self/fd/" + name).startswith("socket:")
        except OSError:
            pass  # the descriptor of the listing itself
    return count


def complain(text):
    sys.stderr.write("preload: %s; open them when the first request comes, or in uwsgidecorators.postfork\n" % text)


def serve(control):
    """Returns in each child, with the child's control socket."""
    while True:
        message = control.line()
        if message is None:
            orphaned()
        if "fork" in message:
            descriptors = [control.descriptors.pop(0) for _ in CHILD_PLACES]
            sys.stdout.flush()
            sys.stderr.flush()
            try:
                pid = os.fork()
            except OSError as error:  # RLIMIT_NPROC, memory: it may have room later
                control.say(unborn=message["fork"], why="fork: %s" % error.strerror)
                pid = None
            if pid == 0:
                return become_worker(control, descriptors)
            for descriptor in descriptors:
                os.close(descriptor)
            if pid is not None:
                control.say(forked=message["fork"], pid=pid)
        elif "reap" in message:
            control.say(reaped=message["reap"], status=reap(message["reap"]))


def reap(pid):
    try:
        return os.waitpid(pid, 0)[1]
    except ChildProcessError:
        return None  # a handler of the project's own has taken it


def become_worker(control, descriptors):
    control.socket.detach()
    for descriptor, place in zip(descriptors, CHILD_PLACES):
        os.dup2(descriptor, place, inheritable=place <= 2)
        os.close(descriptor)
    lead_group()
    importlib.invalidate_caches()  # of which files were where when the zygote looked
    return Control(CONTROL)
