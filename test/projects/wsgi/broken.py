"""Cannot be imported."""
import a_module_that_nobody_has  # noqa: F401


def application(environ, start_response):
    raise AssertionError("never imported, never called")
