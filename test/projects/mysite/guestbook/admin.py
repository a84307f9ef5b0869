from django.contrib import admin

from guestbook.models import Entry, Upload


@admin.register(Entry)
class EntryAdmin(admin.ModelAdmin):
    list_display = ["name", "message", "created"]
    search_fields = ["name", "message"]


@admin.register(Upload)
class UploadAdmin(admin.ModelAdmin):
    list_display = ["name", "created"]
