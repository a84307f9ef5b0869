"""What of Python's own library is imported before workers are forked (zygote.py), so that they share it: what a Django
project imports anyway, as far as it makes nothing at its import but classes, functions and tables.

Not in it, though Django imports it: what opens anything, starts threads, counts time from its import or is patched by
those who replace blocking calls (asyncio, ssl, logging, concurrent.futures, subprocess, queue, ctypes, decimal). Random
numbers come with `email`: `random` seeds itself anew after a fork. Standard library only, Python 3.8 and newer.
"""

import importlib
import os
import sys
from importlib.machinery import PathFinder

NAMES = (
    "base64 bisect calendar collections.abc contextlib copy dataclasses datetime difflib fnmatch functools gettext glob "
    "gzip heapq html.parser http.cookies inspect ipaddress operator pathlib pickle pkgutil pprint shutil string textwrap "
    "tokenize typing unicodedata urllib.parse email.message email.policy email.headerregistry email.mime.base "
    "email.mime.message email.mime.multipart email.mime.text hashlib hmac"
).split()


def import_library():
    """Of Python's own places alone. Returns the name of a module that the project has one of, too, if any: to it, its own
    would have to come first, as it does in a process that imports nothing before the project."""
    path, there = sys.path, set(sys.modules)
    own = [place for place in path if is_own(place)]
    if not own:
        return None
    sys.path = own
    try:
        for name in NAMES:
            import_if_there(name)
    finally:
        sys.path = path
    before = path[: path.index(own[0])]
    tops = {name.partition(".")[0] for name in set(sys.modules) - there}
    return next((name for name in sorted(tops) if is_found(name, before)), None)


def import_if_there(name):
    try:
        importlib.import_module(name)
    except ImportError:
        pass  # a Python that was built without it


def is_own(place):
    names = (os.path.basename(os.path.dirname(os.__file__)), "lib-dynload", "python%d%d.zip" % sys.version_info[:2])
    return place.startswith((sys.base_prefix, sys.base_exec_prefix)) and os.path.basename(place) in names


def is_found(name, places):
    spec = PathFinder.find_spec(name, places)
    return spec is not None and spec.has_location  # a folder without __init__.py comes last, wherever it is
