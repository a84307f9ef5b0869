"""Content in blocks of 64 KiB, and who writes them: /?blocks=40&size=65536&fork=0 streams, /seen?port=40001 tells for how many
of the blocks that a client of that port was given this process had the client's connection itself.
"""

import os
import subprocess
import time
from urllib.parse import parse_qs

seen = {}


def application(environ, start_response):
    query = {name: values[-1] for name, values in parse_qs(environ["QUERY_STRING"]).items()}
    if environ["PATH_INFO"] == "/seen":
        text = str(seen.get(query["port"], 0)).encode()
        start_response("200 OK", [("Content-Length", str(len(text)))])
        return [text]
    headers = [("Content-Type", "text/plain")]
    blocks, size = int(query["blocks"]), int(query.get("size", "65536"))
    if query.get("length") == "1":
        headers.append(("Content-Length", str(blocks * size)))
    start_response("200 OK", headers)
    return stream(environ["REMOTE_PORT"], blocks, size, query)


def stream(port, blocks, size, query):
    for number in range(blocks):
        if has_connection_to(port):
            seen[port] = seen.get(port, 0) + 1
        if str(number) == query.get("child"):
            subprocess.Popen(["sleep", "8"], close_fds=False)
        if str(number) == query.get("fork") and os.fork() == 0:
            time.sleep(8)
            os._exit(0)
        yield bytes([number % 251]) * size
    if "fails" in query:
        raise ValueError("as was asked for")


def has_connection_to(port):
    """Is one of our descriptors a TCP connection to that port of this machine?"""
    mine = set()
    for fd in os.listdir("/proc/self/fd"):
        try:
            mine.add(os.readlink("/proc/self/fd/" + fd))
        except OSError:
            pass
    with open("/proc/net/tcp") as table:
        rows = [row.split() for row in table.readlines()[1:]]
    remote = ":%04X" % int(port)
    return any(row[2].endswith(remote) and "socket:[%s]" % row[9] in mine for row in rows)
