"""The addresses of the real site, and a door to an account's meter, which no area has yet."""

from django.http import HttpRequest, JsonResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt

from billing.flows import meters


@csrf_exempt
def generate(request: HttpRequest, account: int) -> JsonResponse:
    """Charge one unit of the account's plan; refusals are answered as everywhere."""
    charged = meters.charge(account, "campaigns.generations")
    return JsonResponse({"remaining": charged.remaining})


urlpatterns = [
    path("_test/generate/<int:account>", generate),
    path("", include("config.urls")),
]
handler400 = "config.views.bad_request"
handler403 = "config.views.forbidden"
handler404 = "config.views.not_found"
handler500 = "config.views.server_error"
