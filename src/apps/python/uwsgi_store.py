"""What the workers of an app share through the `uwsgi` module: locks and a small cache, in a file without a name.

A lock is a lock of the kernel on one byte of the file (fcntl(2), F_SETLKW), so that it goes with the process that held
it, beside one of this process, since the kernel's do not know threads. The cache is one marshalled dict in two halves of
the file: a change is written to the half that is not in use, then the counter is raised, whose parity says which half
counts. Who dies while writing leaves the old state. Everyone keeps a copy until the counter changes.

It is for what uWSGI's is mostly used for: flags, counters, small shared values. A cache of pages belongs to Redis.
"""

import contextlib
import fcntl
import marshal
import mmap
import os
import struct
import threading
import time

from server_process import SHARED

LOCKS_MAX = 64
CACHE_LOCK = 64  # a byte like those of the locks
HEADER = struct.Struct("<QQQ")  # counter, bytes in the first half, bytes in the second
HEADER_AT = 4096
HALF_AT = 8192
HALF_BYTES = 4 << 20
FILE_BYTES = HALF_AT + 2 * HALF_BYTES


class Locks:
    def __init__(self):
        self.mine = [threading.Lock() for _ in range(LOCKS_MAX)]
        os.register_at_fork(after_in_child=self.forget)

    def forget(self):
        """A forked copy of this process holds nothing: the kernel's locks do not come along."""
        self.mine = [threading.Lock() for _ in range(LOCKS_MAX)]

    def number(self, number):
        if not 0 <= number < LOCKS_MAX:
            raise ValueError("Invalid lock number %r: there are %d" % (number, LOCKS_MAX))
        return number

    def lock(self, number):
        self.mine[self.number(number)].acquire()
        try:
            fcntl.lockf(SHARED, fcntl.LOCK_EX, 1, number)
        except BaseException:
            self.mine[number].release()
            raise

    def unlock(self, number):
        """Of a lock that is not held: nothing, as in uWSGI."""
        if self.mine[self.number(number)].locked():
            fcntl.lockf(SHARED, fcntl.LOCK_UN, 1, number)
            self.mine[number].release()

    def is_locked(self, number):
        if self.mine[self.number(number)].locked():
            return True
        try:
            fcntl.lockf(SHARED, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)
        except OSError:
            return True
        fcntl.lockf(SHARED, fcntl.LOCK_UN, 1, number)
        return False


class Cache:
    """(name of the cache, key) → (when it expires, value). Keys and values are bytes; str is taken as UTF-8."""

    def __init__(self):
        self.mutex = threading.RLock()
        self.memory = None
        self.counter = 0
        self.entries = {}
        os.register_at_fork(after_in_child=self.forget)

    def forget(self):
        self.mutex = threading.RLock()

    @contextlib.contextmanager
    def locked(self):
        with self.mutex:
            fcntl.lockf(SHARED, fcntl.LOCK_EX, 1, CACHE_LOCK)
            try:
                yield
            finally:
                fcntl.lockf(SHARED, fcntl.LOCK_UN, 1, CACHE_LOCK)

    def map(self):
        if self.memory is None:
            with self.locked():
                if os.fstat(SHARED).st_size < FILE_BYTES:
                    os.ftruncate(SHARED, FILE_BYTES)
                self.memory = mmap.mmap(SHARED, FILE_BYTES)
        return self.memory

    def current(self):
        """The entries as they are now."""
        memory = self.map()
        if HEADER.unpack_from(memory, HEADER_AT)[0] != self.counter:
            with self.locked():
                self.load()
        return self.entries

    def load(self):
        header = HEADER.unpack_from(self.memory, HEADER_AT)
        if header[0] == self.counter:
            return
        half = header[0] % 2
        start = HALF_AT + half * HALF_BYTES
        self.entries = marshal.loads(self.memory[start : start + header[1 + half]])
        self.counter = header[0]

    def store(self, entries):
        """False: there is no room."""
        content = marshal.dumps(entries)
        if len(content) > HALF_BYTES:
            return False
        counter, *sizes = HEADER.unpack_from(self.memory, HEADER_AT)
        counter += 1
        start = HALF_AT + counter % 2 * HALF_BYTES
        self.memory[start : start + len(content)] = content
        sizes[counter % 2] = len(content)
        struct.pack_into("<QQ", self.memory, HEADER_AT + 8, *sizes)
        struct.pack_into("<Q", self.memory, HEADER_AT, counter)
        self.entries, self.counter = entries, counter
        return True

    def get(self, key, name):
        found = self.current().get((as_bytes(name), as_bytes(key)))
        return found[1] if found is not None and is_alive(found) else None

    def keys(self, name):
        name = as_bytes(name)
        return [key for (of, key), entry in self.current().items() if of == name and is_alive(entry)]

    def change(self, key, name, value, expires):
        """`value`: from the old one, None for none, to the new one, None for no change. None when nothing was changed."""
        at = as_bytes(name), as_bytes(key)
        self.map()
        with self.locked():
            self.load()
            old = self.entries.get(at)
            new = value(old[1] if old is not None and is_alive(old) else None)
            if new is None:
                return None
            entries = {each: entry for each, entry in self.entries.items() if is_alive(entry)}
            entries[at] = (time.time() + expires if expires else 0, as_bytes(new))
            return True if self.store(entries) else None

    def remove(self, key, name):
        at = as_bytes(name), as_bytes(key)
        self.map()
        with self.locked():
            self.load()
            if at not in self.entries:
                return None
            return self.store({each: entry for each, entry in self.entries.items() if each != at})

    def clear(self, name):
        name = as_bytes(name)
        self.map()
        with self.locked():
            self.load()
            return self.store({at: entry for at, entry in self.entries.items() if at[0] != name})


def is_alive(entry):
    return entry[0] == 0 or entry[0] > time.time()


def as_bytes(value):
    """The name of no cache in particular is empty."""
    if value is None:
        return b""
    return value.encode() if isinstance(value, str) else bytes(value)
