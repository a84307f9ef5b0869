"""An application that uses the uwsgi module as libraries do: each path evaluates what its query says."""
import os
import sys
import time
from urllib.parse import unquote

import uwsgi
import uwsgidecorators

FORKED = []
THREAD_RAN = []


@uwsgidecorators.postfork
def reconnect():
    FORKED.append(("decorated", uwsgi.worker_id()))


@uwsgidecorators.postfork(2)
def only_in_the_second():
    FORKED.append(("second", uwsgi.worker_id()))


def classic_hook():
    FORKED.append(("hook", uwsgi.worker_id()))


uwsgi.post_fork_hook = classic_hook


@uwsgidecorators.lock
def count():
    """Loses counts unless one runs at a time, of all threads of all workers."""
    value = int(uwsgi.cache_get("count") or b"0")
    time.sleep(0.002)
    uwsgi.cache_update("count", str(value + 1))
    return value + 1


@uwsgidecorators.thread
def later():
    THREAD_RAN.append(1)


@uwsgidecorators.harakiri(1)
def for_ever():
    time.sleep(600)


@uwsgidecorators.harakiri(1)
def short():
    return "done"


def decorate_with(name):
    """What the decorator says of itself."""
    try:
        getattr(uwsgidecorators, name)(5)(lambda signal: None)
    except NotImplementedError as error:
        return str(error)


def error_of(expression):
    try:
        return eval(expression)
    except Exception as error:
        return "%s: %s" % (type(error).__name__, error)


def sentry_says_threads_work():
    """sentry_sdk's check, as it stands there."""
    from uwsgi import opt

    def enabled(option):
        value = opt.get(option, False)
        if isinstance(value, bool):
            return value
        if isinstance(value, bytes):
            value = value.decode()
        return value and str(value).lower() not in ("false", "no", "off", "n", "0")

    return ("threads" in opt or enabled("enable-threads")) and (enabled("lazy-apps") or enabled("py-call-uwsgi-fork-hooks"))


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [repr(error_of(unquote(environ["QUERY_STRING"]))).encode()]
