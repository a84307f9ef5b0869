"""The probe with the standard library's judge of PEP 3333 on both sides of it."""
from wsgiref.validate import validator

import probe

judged = validator(probe.application)


def application(environ, start_response):
    """A complaint of the judge becomes the answer, so that a test reads it."""
    try:
        yield from exhausted(judged(environ, start_response))
    except AssertionError as complaint:
        start_response("500 Internal Server Error", [("Content-Type", "text/plain")])
        yield f"wsgiref.validate: {complaint}\n".encode()


def exhausted(iterable):
    try:
        yield from iterable
    finally:
        iterable.close()
