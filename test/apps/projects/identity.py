"""Says as whom and within which bounds it runs."""
import grp
import json
import os
import resource
import sys

MASK = os.umask(0)
os.umask(MASK)
AT_IMPORT = os.geteuid()


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    with open("/proc/self/cmdline", "rb") as cmdline, open("/proc/self/comm") as comm:
        title, name = cmdline.read().rstrip(b"\0").decode(), comm.read().strip()
    with open("/dev/stderr", "w") as stderr:
        stderr.write("written by path\n")
    facts = {
        "user": os.getresuid(),
        "group": os.getresgid(),
        "groups": os.getgroups(),
        "atImport": AT_IMPORT,
        "umask": MASK,
        "nofile": resource.getrlimit(resource.RLIMIT_NOFILE),
        "core": resource.getrlimit(resource.RLIMIT_CORE),
        "path": sys.path[:3],
        "home": os.environ.get("HOME"),
        "title": title,
        "name": name,
        "cwd": os.getcwd(),
    }
    return [json.dumps(facts).encode()]
