"""The project's WSGI application: imported and found, as `wsgi` in [app.NAME] says. Standard library only, Python 3.8 and
newer.
"""

import importlib
import importlib.util
import os
import sys
from importlib.machinery import SourceFileLoader


def load_application(root, target):
    if target["kind"] == "file":
        module = import_file(root, target["file"])
    else:
        module = importlib.import_module(target["module"])
    application = module
    for name in target["callable"].split("."):
        application = getattr(application, name)
    if not callable(application):
        found = type(application).__name__
        raise TypeError("%s of %s is a %s, it must be callable" % (target["callable"], module.__name__, found))
    return application


def import_file(root, path):
    """Under the root and named like a module: imported as one, so that it is not there twice under two names."""
    parts = os.path.relpath(path, root).split(os.sep)
    stem, extension = os.path.splitext(parts[-1])
    parts[-1] = stem
    if extension == ".py" and all(part.isidentifier() for part in parts) and is_found(parts[0], root):
        return importlib.import_module(".".join(parts))
    name = "".join(sign if sign.isalnum() else "_" for sign in stem)
    if name in sys.modules:
        name = "wsgi_file_" + name
    spec = importlib.util.spec_from_file_location(name, path, loader=SourceFileLoader(name, path))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def is_found(name, root):
    """False where a folder or file of the project is called as a module of Python's own, such as site, code or test."""
    spec = importlib.util.find_spec(name)
    if spec is None:
        return True
    places = spec.submodule_search_locations or [spec.origin or ""]
    return any(os.path.dirname(os.path.realpath(place)) == os.path.realpath(root) for place in places)


def with_static_finders(application):
    """For development: what Django's runserver does. The finders are asked at each request, so that new files are found."""
    from django.contrib.staticfiles.handlers import StaticFilesHandler

    return StaticFilesHandler(application)
