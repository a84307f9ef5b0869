"""Imports an application as a worker does, and writes what came of it as JSON to descriptor 3. Run by the app's
own interpreter in its root and as its user, behind the text of apps/python/load.py. Standard library only, Python 3.8 and
newer.

    python -c LOAD+IMPORT '{"root": …, "target": …, "pythonPath": […], "finders": false}'
"""

import json
import os
import sys
import traceback


def main(given):
    answer = {"failure": None, "django": None, "settings": None, "rss": None}
    try:
        sys.path[1:1] = given["pythonPath"]
        application = load_application(given["root"], given["target"])  # noqa: F821
        if given["finders"]:
            with_static_finders(application)  # noqa: F821
    except BaseException as error:  # sys.exit() at import ends nothing here
        answer["failure"] = describe(error)
    django = sys.modules.get("django")
    answer["django"] = django and django.get_version()
    answer["settings"] = os.environ.get("DJANGO_SETTINGS_MODULE")
    answer["rss"] = resident()
    return answer


def describe(error):
    frames = [] if isinstance(error, SyntaxError) else traceback.extract_tb(error.__traceback__)
    frames = [frame for frame in frames if not frame.filename.startswith("<")]
    lines = "".join(traceback.format_list(frames) + traceback.format_exception_only(type(error), error))
    missing = error.name if isinstance(error, ImportError) else None
    traceback_lines = lines.rstrip().split("\n")
    return {
        "stage": "wsgi",
        "type": type(error).__name__,
        "message": str(error),
        "missing": missing,
        "traceback": traceback_lines,
    }


def resident():
    """Bytes (proc(5): statm counts pages)."""
    try:
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return None


result = os.fdopen(3, "w")
json.dump(main(json.loads(sys.argv[1])), result)
result.close()
# Threads that the project started wait for nobody.
sys.stdout.flush()
os._exit(0)
