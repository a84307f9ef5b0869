"""Modules that the server provides to the application: `uwsgi` and `uwsgidecorators`. They cost nothing until somebody
imports them. Standard library only, Python 3.8 and newer.
"""

import importlib.machinery
import sys

import server_source


class Finder:
    """On sys.meta_path, before what is installed: there the module of the same name would ask for a uWSGI around it."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name not in server_source.provided:
            return None
        return importlib.machinery.ModuleSpec(name, Finder, origin="server")

    @staticmethod
    def create_module(spec):
        return None

    @staticmethod
    def exec_module(module):
        server_source.define(module, server_source.provided[module.__name__])


def offer():
    sys.meta_path.insert(0, Finder)
