"""How gunicorn runs."""
import multiprocessing
import os

from mysite import __version__

BASE = os.path.dirname(__file__)
bind = [
    "127.0.0.1:8001",  # nginx comes here
    '[::1]:8001',
]
workers = multiprocessing.cpu_count() * 2 + 1
threads = (
    2
)
worker_class = "gthread"
max_requests, max_requests_jitter = 1000, 100
max_requests = 1_000
max_requests_jitter = 50
timeout = 120
graceful_timeout = 20; keepalive = 5
keepalive = 5
keepalive = 75
preload_app = True
raw_env = ["DJANGO_SETTINGS_MODULE=mysite.settings", "STAGE=production"]
wsgi_app = "mysite.wsgi:application"
accesslog = os.path.join(BASE, "access.log")
errorlog = "-"
loglevel = 'warning'
umask = 0o007
forwarded_allow_ips = "*"
tmp_upload_dir = None
worker_conections = 100
secure_scheme_headers = {"X-FORWARDED-PROTO": "https"}
proc_name = f"mysite-{__version__}"


def post_fork(server, worker):
    server.log.info("Worker spawned (pid: %s)", worker.pid)

    # a comment
    return None


def helper():
    pass


if os.environ.get("DEBUG"):
    reload = True
else:
    reload = False
