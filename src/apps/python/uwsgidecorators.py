"""The `uwsgidecorators` module: what has a meaning in this server. The others raise where they are used, and name what to
use instead. Standard library only, Python 3.8 and newer.
"""

import functools
import threading

import uwsgi

postfork_chain = []


def postfork(function):
    """Runs in each worker before its first request."""
    if callable(function):
        postfork_chain.append(function)
        return function

    # @postfork(1): in that worker alone, counted from 1 as uwsgi.worker_id() does; 0 in all.
    def decorate(inner):
        @functools.wraps(inner)
        def only(*args, **kwargs):
            if function in (0, uwsgi.worker_id()):
                return inner(*args, **kwargs)

        postfork_chain.append(only)
        return inner

    return decorate


def lock(function):
    """One worker at a time, and one thread of it."""

    @functools.wraps(function)
    def locked(*args, **kwargs):
        uwsgi.lock()
        try:
            return function(*args, **kwargs)
        finally:
            uwsgi.unlock()

    return locked


def thread(function):
    """Each call runs in a thread of its own, which ends with the worker."""

    @functools.wraps(function)
    def start(*args, **kwargs):
        running = threading.Thread(target=function, args=args, kwargs=kwargs, daemon=True)
        running.start()
        return running

    return start


class harakiri:
    """@harakiri(10): the request is ended when the function takes longer, in seconds."""

    def __init__(self, seconds):
        self.seconds = seconds

    def __call__(self, function):
        @functools.wraps(function)
        def limited(*args, **kwargs):
            uwsgi.set_user_harakiri(self.seconds)
            try:
                return function(*args, **kwargs)
            finally:
                uwsgi.set_user_harakiri(0)

        return limited


class setprocname:
    """@setprocname("name"): the process is called so from its first call on."""

    def __init__(self, name):
        self.name = name

    def __call__(self, function):
        @functools.wraps(function)
        def named(*args, **kwargs):
            uwsgi.setprocname(self.name)
            return function(*args, **kwargs)

        return named


def _missing(name, like):
    def refuse(*_args, **_kwargs):
        try:
            getattr(uwsgi, like)
        except AttributeError as error:
            instead = str(error).partition(": ")[2]
            raise NotImplementedError("uwsgidecorators.%s is not provided by this server: %s" % (name, instead)) from None

    return refuse


for _name in ("spool", "spoolforever", "spoolraw", "mulefunc", "mule", "mule_msg_loop", "mule_brain", "rpc", "erlang"):
    globals()[_name] = _missing(_name, "mule")
for _name in ("cron", "timer", "rbtimer", "mstimer"):
    globals()[_name] = _missing(_name, "add_timer")
for _name in ("filemon",):
    globals()[_name] = _missing(_name, "add_file_monitor")
for _name in ("signal",):
    globals()[_name] = _missing(_name, "signal")
