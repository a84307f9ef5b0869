"""The `uwsgi` module, as far as it has a meaning in this server: what libraries probe for, and what is simple to do right.

Names and results are those of uWSGI 2.0. What is not here is an AttributeError that names what to use instead, so that
`hasattr` says no. Locks and the cache are shared by all workers of the app (uwsgi_store.py).
"""

import os
import socket
import struct
import sys
import time

from server_process import write_title
from server_uwsgi_store import Cache, Locks
from server_uwsgi_worker import current

_settings = current.settings
_locks = Locks()
_cache = Cache()

version = b"2.0.21-server"
version_info = (2, 0, 21, 0, b"server")
hostname = socket.gethostname().encode()
numproc = _settings["processes"]
cores = _settings["threads"]
has_threads = 1
buffer_size = _settings["slotBytes"] - 4096
started_on = int(time.time())
opt = {
    "chdir": _settings["root"].encode(),
    "master": True,
    "processes": b"%d" % numproc,
    "threads": b"%d" % cores,
    "enable-threads": True,
    "single-interpreter": True,
    "need-app": True,
    "die-on-term": True,
    # os.fork is ours to call: hooks of os.register_at_fork run.
    "py-call-uwsgi-fork-hooks": True,
}
if not _settings["preload"]:
    opt["lazy-apps"] = True


# --------------------------------------------------------------------------------------------------- who and where


def worker_id():
    """From 1; 0 where the project is imported for workers that are still to be forked."""
    return current.worker_id()


def masterpid():
    return _settings["master"]


def mypid():
    return os.getpid()


def total_requests():
    """Of all workers that are there."""
    return sum(slot.handled for slot in current.slots())


def request_id():
    """How many requests this worker has answered."""
    return sum(slot.handled for slot in current.slots() if slot.pid == os.getpid())


requests = request_id


def workers():
    """One dict for each worker; `status` is b"busy" while one of its threads has a request."""
    found = {}
    for slot in current.slots():
        if slot.pid == 0:
            continue
        known = found.setdefault(slot.pid, {"id": slot.worker, "pid": slot.pid, "requests": 0, "status": b"idle"})
        known["requests"] += slot.handled
        if slot.is_busy:
            known["status"] = b"busy"
    for known in found.values():
        known["rss"], known["vsz"] = _memory(known["pid"])
        known["delta_requests"] = known["requests"]
    return tuple(sorted(found.values(), key=lambda known: (known["id"], known["pid"])))


def mem():
    return _memory(os.getpid())


def _memory(pid):
    try:
        with open("/proc/%d/statm" % pid, "rb") as statm:
            total, resident = statm.read().split()[:2]
    except OSError:
        return 0, 0
    page = os.sysconf("SC_PAGE_SIZE")
    return int(resident) * page, int(total) * page


def micros():
    return time.time_ns() // 1000


def ready():
    return worker_id() > 0


def i_am_the_spooler():
    return None


def i_am_the_lord(_name=None):
    return None


def mule_id():
    return 0


# ------------------------------------------------------------------------------------------------- what may be done


def log(text):
    """A line of the error log."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "backslashreplace")
    sys.stderr.write("%s\n" % text)
    return True


def logsize():
    """Where the log goes is the server's business: a worker writes to a pipe."""
    return 0


def reload():
    """New workers import the new code, then take the place of all that are there; this one finishes its requests."""
    current.ask_reload()
    return True


def set_user_harakiri(seconds):
    """The request at hand is ended after so many seconds, if its request_timeout does not come first; 0: no more."""
    current.limit(seconds)


def setprocname(name):
    write_title(os.fsencode(name))


def lock(number=0):
    _locks.lock(number)


def unlock(number=0):
    _locks.unlock(number)


def is_locked(number=0):
    return _locks.is_locked(number)


# ------------------------------------------------------------------------------------------------------- the cache


def cache_get(key, cache=None):
    return _cache.get(key, cache)


def cache_exists(key, cache=None):
    return True if _cache.get(key, cache) is not None else None


def cache_set(key, value, expires=0, cache=None):
    """None: the key is there already, or there is no room."""
    return _cache.change(key, cache, lambda old: value if old is None else None, expires)


def cache_update(key, value, expires=0, cache=None):
    return _cache.change(key, cache, lambda _: value, expires)


def cache_del(key, cache=None):
    return _cache.remove(key, cache)


def cache_clear(cache=None):
    return _cache.clear(cache)


def cache_keys(cache=None):
    return _cache.keys(cache)


def cache_num(key, cache=None):
    return _number(_cache.get(key, cache))


def cache_inc(key, by=1, expires=0, cache=None):
    return _cache.change(key, cache, lambda old: _bytes(_number(old) + by), expires)


def cache_dec(key, by=1, expires=0, cache=None):
    return _cache.change(key, cache, lambda old: _bytes(_number(old) - by), expires)


def cache_mul(key, by=2, expires=0, cache=None):
    return _cache.change(key, cache, lambda old: _bytes(_number(old) * by), expires)


def cache_div(key, by=2, expires=0, cache=None):
    return _cache.change(key, cache, lambda old: _bytes(_number(old) // by), expires)


def _number(value):
    """As uWSGI has them: signed, 64 bits."""
    return struct.unpack("<q", value)[0] if value is not None and len(value) == 8 else 0


def _bytes(number):
    return struct.pack("<q", (number + 2**63) % 2**64 - 2**63)


# ------------------------------------------------------------------------------------------------- what is not here

_SERVICE = "run a task queue such as Celery or django-q as a [service.NAME] of the server"
_CRON = "use [cron.NAME] in the server's configuration, or Celery beat as a [service.NAME]"
_THREADS = "a request has a Python thread of its own, which may wait: give the app more `threads`"
_LOGVAR = "set a field of the reply and log it with $sent_http_NAME in access_log_format"

INSTEAD = (
    (("spool", "send_to_spooler", "set_spooler", "get_spooler"), _SERVICE),
    (("mule", "farm", "in_farm", "signal_", "register_signal", "signal"), _SERVICE),
    (("add_timer", "add_rb_timer", "add_cron", "add_ms_timer"), _CRON),
    (("add_file_monitor",), "use touch_reload or reload_on_change of the app"),
    (("websocket_",), "it runs WSGI applications; let a route go to an ASGI server with `upstream`"),
    (("async_", "wait_fd_", "suspend", "green_", "connect", "recv", "send"), _THREADS),
    (("sendfile", "offload"), "use wsgi.file_wrapper or X-Accel-Redirect: the server sends the file"),
    (("set_logvar", "get_logvar", "log_this_request"), _LOGVAR),
    (("metric",), "use prometheus_client or another library"),
    (("stop", "disconnect"), "the server ends its workers; the command is `server stop`"),
)


def __getattr__(name):
    for prefixes, instead in INSTEAD:
        if name.startswith(prefixes):
            raise AttributeError("uwsgi.%s is not provided by this server: %s" % (name, instead))
    raise AttributeError("uwsgi.%s is not provided by this server" % name)
