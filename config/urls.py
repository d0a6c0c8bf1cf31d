"""Who answers at which address."""

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.static import serve

from accounts.views import theme
from config import api, views

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("prompts.urls")),
    path("", include("billing.urls")),
    path("", include("accounts.urls")),
    path("theme", theme, name="theme"),
    path("account/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("api/v1/", include("config.api")),
    path("api/schema/", api.schema, name="api-schema"),
    path("api/docs/", views.api_docs, name="api-docs"),
    path("robots.txt", views.robots, name="robots"),
]
if not settings.S3_BUCKET:
    urlpatterns += [
        path("media/<path:path>", serve, {"document_root": settings.MEDIA_ROOT}, name="media")
    ]
handler400 = "config.views.bad_request"
handler403 = "config.views.forbidden"
handler404 = "config.views.not_found"
handler500 = "config.views.server_error"
