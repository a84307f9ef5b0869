"""Loads a project as the server would, asks a Django one for its settings, and writes the answer as JSON to descriptor 3, so
that what the project prints disturbs nobody. Run by the project's own interpreter in its root, by settings.ts. Standard
library and Django only, Python 3.6 and newer; no database is asked.

    python -c PROBE django SETTINGS WSGI      SETTINGS and WSGI may be empty
    python -c PROBE wsgi "" WSGI
"""

import importlib
import importlib.util
import json
import os
import resource
import sys
import traceback

NAMES = """DEBUG ALLOWED_HOSTS STATIC_URL STATIC_ROOT MEDIA_URL MEDIA_ROOT INSTALLED_APPS MIDDLEWARE FORCE_SCRIPT_NAME
WSGI_APPLICATION ASGI_APPLICATION CSRF_TRUSTED_ORIGINS CSRF_COOKIE_SECURE SESSION_COOKIE_SECURE SECURE_SSL_REDIRECT
SECURE_HSTS_SECONDS SECURE_PROXY_SSL_HEADER USE_X_FORWARDED_HOST""".split()

# Before django.core.files.storage knew STORAGES.
OLD_STORAGES = {"default": "DEFAULT_FILE_STORAGE", "staticfiles": "STATICFILES_STORAGE"}


def main(kind, settings_module, wsgi):
    answer = {"django": None, "settings": None, "failure": None}
    progress = {"stage": "wsgi"}
    try:
        if kind == "django":
            load_django(settings_module, wsgi, answer, progress)
        else:
            load(wsgi)
    except BaseException as error:  # sys.exit() in settings ends nothing here
        answer["failure"] = describe(progress["stage"], error)
    answer["memory"] = memory()
    return answer


def memory():
    """Resident, in bytes. (The maximum that getrusage has may be that of whoever started us.)"""
    with open("/proc/self/statm") as numbers:
        return int(numbers.read().split()[1]) * resource.getpagesize()


def load_django(settings_module, wsgi, answer, progress):
    progress["stage"] = "django"
    import django

    answer["django"] = django.get_version()
    progress["stage"] = "settings"
    if settings_module:
        os.environ["DJANGO_SETTINGS_MODULE"] = settings_module
    elif wsgi:
        # It computes which settings there are.
        load(wsgi)
    from django.conf import settings

    answer["settings"] = read_settings(settings)
    progress["stage"] = "apps"
    django.setup()
    # Now with FORCE_SCRIPT_NAME in front.
    answer["settings"] = read_settings(settings)
    progress["stage"] = "wsgi"
    load(wsgi or settings.WSGI_APPLICATION)


def load(target):
    """`module:callable`, `path/file.py:callable`, or Django's `module.callable`."""
    if not target:
        return
    module, _, name = target.rpartition(":" if ":" in target else ".")
    found = load_file(module) if module.endswith(".py") else importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)


def load_file(path):
    spec = importlib.util.spec_from_file_location("application_file", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["application_file"] = module
    spec.loader.exec_module(module)
    return module


def read_settings(settings):
    found = {name: plain(getattr(settings, name, None)) for name in NAMES}
    found["DATABASES"] = {
        alias: {"ENGINE": str(each.get("ENGINE", "")), "NAME": plain(each.get("NAME"))}
        for alias, each in (getattr(settings, "DATABASES", None) or {}).items()
    }
    storages = getattr(settings, "STORAGES", None) or {}
    found["STORAGES"] = {
        alias: str((storages.get(alias) or {}).get("BACKEND") or getattr(settings, old, None) or "")
        for alias, old in OLD_STORAGES.items()
    }
    found["module"] = os.environ.get("DJANGO_SETTINGS_MODULE")
    found["file"] = getattr(sys.modules.get(found["module"]), "__file__", None)
    return found


def plain(value):
    """As JSON has it; paths and lazy strings become text."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, (list, tuple, set)):
        return [plain(each) for each in value]
    return str(value)


def telling(frames):
    """Those of the project and where it ended; how Django and the import machinery came there tells nobody anything."""
    frames = [frame for frame in frames if not frame.filename.startswith("<")]
    root = os.path.join(os.getcwd(), "")
    own = [frame for frame in frames if frame.filename.startswith(root) and "site-packages" not in frame.filename]
    return [frame for frame in frames if frame in own or frame is frames[-1]] if own else frames


def describe(stage, error):
    # Of a mistake of syntax the error itself has the place.
    frames = [] if isinstance(error, SyntaxError) else telling(traceback.extract_tb(error.__traceback__))
    parts = traceback.format_list(frames) + traceback.format_exception_only(type(error), error)
    lines = "".join(parts).rstrip().split("\n")
    missing = error.name if isinstance(error, ImportError) else None
    return {"stage": stage, "type": type(error).__name__, "message": str(error), "missing": missing, "traceback": lines}


with os.fdopen(3, "w") as result:
    # The interpreter was started with -c: the folder is first on sys.path, as it is under the server.
    json.dump(main(*sys.argv[1:4]), result)
