"""wsgi.file_wrapper (PEP 3333 "Optional Platform-Specific File Handling").

A regular file is handed over: the front thread gets its descriptor and sends it from where it stands, while this thread
takes the next request; close() is called right after the hand-over, for the front has a descriptor of its own then. What
is no regular file (BytesIO, a pipe, an object of somebody's own) is read here in blocks. Who hands over is wsgi.py.
Standard library only, Python 3.8 and newer.
"""

import io
import os
import stat
import sys

WRAPPERS_MAX = 4  # Django: FieldFile, File, a temporary file, the buffer


class FileWrapper:
    """The file from where it stands to its end, in blocks."""

    BLOCK = 64 * 1024  # the size an application asks for is a hint; Django's 4096 would be 16 times the frames

    def __init__(self, filelike, block_size=BLOCK):
        self.filelike = filelike
        self.block_size = max(block_size, self.BLOCK)
        if hasattr(filelike, "close"):
            self.close = filelike.close

    def __iter__(self):
        return self

    def __next__(self):
        block = self.filelike.read(self.block_size)
        if not block:
            raise StopIteration
        return block

    def part(self):
        """(descriptor, offset, length) of what is left of a regular file; None: it must be read."""
        file = plain_file(self.filelike)
        if file is None:
            return None
        try:
            file.flush()
            offset = file.tell()
            descriptor = file.fileno()
            stats = os.fstat(descriptor)
        except (OSError, ValueError):
            return None
        length = stats.st_size - offset
        # Of the files of /proc only reading tells how long they are.
        return (descriptor, offset, length) if stat.S_ISREG(stats.st_mode) and length > 0 else None


def plain_file(filelike):
    """The file that is read through, if nothing changes the bytes on the way; else None. Asking for fileno() alone would
    not do: GzipFile and tarfile's members have one too, and read something else."""
    for _ in range(WRAPPERS_MAX):
        kind = type(filelike)
        if kind is io.FileIO:
            return filelike
        if kind is io.BufferedReader or kind is io.BufferedRandom:
            return filelike if type(filelike.raw) is io.FileIO else None
        inner = getattr(filelike, "file", None)
        if inner is None or not passes_reads(filelike, inner):
            return None
        filelike = inner
    return None


def passes_reads(wrapper, inner):
    """Is read() of the wrapper that of the file in it? So it is with Django's File and its kin."""
    tempfile = sys.modules.get("tempfile")
    if tempfile is not None and type(wrapper) is getattr(tempfile, "_TemporaryFileWrapper", None):
        return True
    read = getattr(wrapper, "read", None)
    return read is not None and read == getattr(inner, "read", None)
