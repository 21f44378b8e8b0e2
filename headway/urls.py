"""The app's URLs, below any prefix: `path("jobs/", include("headway.urls"))`."""

from django.urls import path

from headway.web.views import (
    actions,
    api,
    causes,
    events,
    files,
    kinds,
    logs,
    many,
    notices,
    pages,
    saved,
    sharing,
    start,
    status,
    system,
    trail,
    uploads,
)

app_name = "headway"
job_patterns = [
    path("<uuid:pk>/events/", events.job_events, name="job_events"),  # of all the most asked for
    path("events/", events.my_events, name="my_events"),
    path("status/", status.statuses, name="statuses"),
    path("tray/", pages.my_tray, name="tray"),
    path("no-worker/", pages.no_worker, name="no_worker"),
    path("questions/", saved.save, name="save_question"),
    path("questions/<int:pk>/delete/", saved.delete, name="delete_question"),
    path("notices/", notices.notices, name="notices"),
    path("start/<slug:kind>/", start.start, name="start"),
    path("kinds/<slug:kind>/", kinds.kind, name="kind"),
    path("causes/", causes.causes, name="causes"),
    path("system/", system.system, name="system"),
    path("uploads/", uploads.create, name="uploads"),
    path("uploads/<uuid:pk>/", uploads.upload, name="upload"),
    path("<uuid:pk>/", pages.job, name="job"),
    path("<uuid:pk>/status/", status.status, name="status"),
    path("<uuid:pk>/row/", pages.row, name="row"),
    path("<uuid:pk>/panel/", pages.panel, name="panel"),
    path("<uuid:pk>/cancel/", actions.cancel, name="cancel"),
    path("<uuid:pk>/retry/", actions.retry, name="retry"),
    path("<uuid:pk>/undo/", actions.undo, name="undo"),
    path("<uuid:pk>/notify/", notices.notify, name="notify"),
    path("many/", many.many, name="many"),
    path("<uuid:pk>/trail/", trail.trail, name="trail"),
    path("<uuid:pk>/share/", sharing.share, name="share"),
    path("<uuid:pk>/share/<uuid:link>/revoke/", sharing.revoke, name="revoke_share"),
    path("shared/<str:token>/", sharing.shared, name="shared"),
    path("shared/<str:token>/events/", sharing.shared_events, name="shared_events"),
    path("shared/<str:token>/files/<str:name>/", sharing.shared_file, name="shared_file"),
    path("<uuid:pk>/warnings.csv", logs.warnings, name="warnings"),
    path("<uuid:pk>/log/", logs.whole_log, name="log"),
    path("<uuid:pk>/files/<str:name>/", files.download, name="file"),
]
urlpatterns = [
    path("", pages.index, name="index"),
    path("openapi.json", api.document, name="openapi"),
    *job_patterns,
]
