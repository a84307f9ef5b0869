"""A project that tells who imported it, and that can be made to fail or to have things that a fork does not survive."""
import os
import random
import threading
import time

IMPORTED_BY = os.getpid()
FORKS = []

if os.environ.get("PRELOAD_FAILS"):
    raise RuntimeError("not today")
if os.environ.get("PRELOAD_FAILS_IF") and os.path.exists(os.environ["PRELOAD_FAILS_IF"]):
    raise RuntimeError("the new code is broken")
if os.environ.get("PRELOAD_THREAD"):
    threading.Thread(target=time.sleep, args=(600,), name="a-thread-of-the-project", daemon=True).start()
os.register_at_fork(after_in_child=lambda: FORKS.append(os.getpid()))


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    path = environ["PATH_INFO"]
    if path == "/leave":
        os._exit(7)
    if path == "/sleep":
        time.sleep(30)
    facts = [os.getpid(), os.getppid(), IMPORTED_BY, len(FORKS), random.random()]
    return [" ".join(map(str, facts)).encode()]
