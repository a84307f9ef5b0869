"""The addresses of the sample project."""
from django.contrib import admin
from django.urls import path

from guestbook import views

urlpatterns = [
    path("", views.home, name="home"),
    path("hello/", views.hello, name="hello"),
    path("sign/", views.sign, name="sign"),
    path("files/", views.files, name="files"),
    path("files/<str:name>", views.download, name="download"),
    path("facts/", views.facts, name="facts"),
    path("stream/", views.stream, name="stream"),
    path("raise/", views.fail, name="raise"),
    path("admin/", admin.site.urls),
]
