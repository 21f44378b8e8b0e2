"""Every address of the job app."""

from django.urls import path

from headway.web.views import actions, api, events, files, pages, socket, start, status
from jobs.llm import views

app_name = "jobs"
urlpatterns = [
    path("", pages.index, name="index"),
    path("api/openapi.json", api.document, name="openapi"),
    path("chat/", views.chat, name="chat"),
    path("jobs/events/", events.my_events, name="my_events"),
    path("jobs/no-worker/", pages.no_worker, name="no_worker"),
    path("jobs/start/<slug:kind>/", start.start, name="start"),
    path("jobs/<uuid:pk>/", pages.job, name="job"),
    path("jobs/<uuid:pk>/events/", events.job_events, name="job_events"),
    path("jobs/<uuid:pk>/status/", status.status, name="status"),
    path("jobs/<uuid:pk>/row/", pages.row, name="row"),
    path("jobs/<uuid:pk>/panel/", pages.panel, name="panel"),
    path("jobs/<uuid:pk>/cancel/", actions.cancel, name="cancel"),
    path("jobs/<uuid:pk>/retry/", actions.retry, name="retry"),
    path("jobs/<uuid:pk>/files/<str:name>/", files.download, name="file"),
    path("ws/jobs/", socket.socket, name="socket"),
]
