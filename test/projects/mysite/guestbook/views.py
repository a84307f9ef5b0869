"""The pages: one for each thing that a server in front of Django has to carry."""
import os
import time

from django.core.files.utils import validate_file_name
from django.http import (
    FileResponse,
    Http404,
    HttpResponse,
    HttpResponseBadRequest,
    JsonResponse,
    StreamingHttpResponse,
)
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from guestbook.forms import EntryForm, UploadForm
from guestbook.models import Entry, Upload

ENTRIES_SHOWN = 20
STREAM_PIECES_MAX = 50
STREAM_PAUSE_MAX = 2.0


@require_safe
def home(request):
    return home_page(request, EntryForm(), 200)


def home_page(request, form, status):
    entries = Entry.objects.all()[:ENTRIES_SHOWN]
    return render(request, "guestbook/home.html", {"entries": entries, "form": form}, status=status)


@require_POST
def sign(request):
    form = EntryForm(request.POST)
    if not form.is_valid():
        return home_page(request, form, 422)
    form.save()
    return redirect("home")


@require_http_methods(["GET", "HEAD", "POST"])
def files(request):
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        name = os.path.basename(file.name)
        validate_file_name(name)
        Upload.objects.filter(name=name).delete()
        Upload.objects.create(name=name, content=file)
        return redirect("files")
    status = 422 if request.method == "POST" else 200
    return render(request, "guestbook/files.html", {"uploads": Upload.objects.all(), "form": form}, status=status)


@require_safe
def download(request, name):
    upload = get_object_or_404(Upload, name=name)
    try:
        return FileResponse(upload.content.open("rb"), as_attachment=True, filename=upload.name)
    except FileNotFoundError:
        raise Http404(f"{upload.name} is in the database but not on the disk") from None


@require_safe
def hello(request):
    """The least that Django does for a request."""
    return HttpResponse("Hello, World!\n", content_type="text/plain")


@require_safe
def facts(request):
    """What the server told us about the request."""
    return JsonResponse(
        {
            "method": request.method,
            "path": request.path,
            "query": request.META["QUERY_STRING"],
            "scheme": request.scheme,
            "host": request.get_host(),
            "remote_addr": request.META["REMOTE_ADDR"],
            "server_protocol": request.META["SERVER_PROTOCOL"],
            "server_software": request.META.get("SERVER_SOFTWARE", ""),
            "script_name": request.META["SCRIPT_NAME"],
            "headers": dict(request.headers),
            "multithread": request.META["wsgi.multithread"],
            "multiprocess": request.META["wsgi.multiprocess"],
            "pid": os.getpid(),
        }
    )


@require_safe
def stream(request):
    """Counts aloud: /stream/?pieces=5&pause=0.2"""
    try:
        pieces = min(int(request.GET.get("pieces", 5)), STREAM_PIECES_MAX)
        pause = min(float(request.GET.get("pause", 0.2)), STREAM_PAUSE_MAX)
    except ValueError:
        return HttpResponseBadRequest("pieces and pause are numbers")

    def count():
        for number in range(pieces):
            if number > 0:
                time.sleep(pause)
            yield f"piece {number}\n".encode()

    return StreamingHttpResponse(count(), content_type="text/plain; charset=utf-8")


@require_safe
def fail(request):
    raise RuntimeError("this page raises on purpose")
