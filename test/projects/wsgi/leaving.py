"""Can be imported, and ends its process a moment later, every time."""
import os
import threading

from probe import application  # noqa: F401

threading.Timer(0.2, os._exit, [7]).start()
