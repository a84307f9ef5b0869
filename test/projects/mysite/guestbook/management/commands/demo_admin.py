"""`manage.py demo_admin`: a superuser for looking around, made anew or given its password back."""
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Makes the superuser admin with the password admin. For the sample project only."

    def handle(self, *args, **options):
        user, _ = get_user_model().objects.get_or_create(username="admin")
        user.is_staff = user.is_superuser = True
        user.set_password("admin")
        user.save()
