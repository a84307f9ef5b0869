#!/bin/sh
set -e
python manage.py migrate
exec uwsgi --http-socket 0.0.0.0:8000 -w mysite.wsgi:application --chdir @ROOT@/project --master -p 4 --enable-threads --static-map /static=@ROOT@/project/static --env "DJANGO_SETTINGS_MODULE=mysite.settings"
