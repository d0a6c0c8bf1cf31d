"""The partner API under /api/v1/, and its schema."""

from django.urls import path
from drf_spectacular.views import SpectacularAPIView
from rest_framework.renderers import JSONRenderer

from billing.api import AuthCheckView, UsageView
from prompts.api import OptimizeBatchView, OptimizeView, VariantsView

schema = SpectacularAPIView.as_view(renderer_classes=[JSONRenderer])

app_name = "api"
urlpatterns = [
    path("optimize", OptimizeView.as_view(), name="optimize"),
    path("optimize/batch", OptimizeBatchView.as_view(), name="optimize-batch"),
    path("optimize/variants", VariantsView.as_view(), name="optimize-variants"),
    path("auth/check", AuthCheckView.as_view(), name="auth-check"),
    path("usage", UsageView.as_view(), name="usage"),
]
