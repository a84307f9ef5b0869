#!/bin/sh
set -e
# uwsgi --http :9999 (not this one)
python manage.py migrate
exec uwsgi --http-socket "0.0.0.0:${PORT}" --chdir @ROOT@/project --module 'mysite.wsgi:application' --workers $WORKERS # serve
