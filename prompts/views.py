"""The page people use: an idea in, prompts for five platforms out."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from common.errors import UserError
from common.ratelimit import limit, visitor_of
from prompts.flows import optimize
from prompts.forms import IdeaForm

EXAMPLES = (
    "a fox asleep in a greenhouse, rain on the glass",
    "neon noodle bar in a narrow alley, one customer",
    "poster for a summer jazz night, bold shapes",
)


@require_http_methods(["GET", "HEAD", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    """Show the form; a POST shows the result beside it. Works without script and without a key."""
    if request.method != "POST":
        form = IdeaForm(initial={"idea": request.GET.get("idea", "")[: IdeaForm.MOST]})
        return render(request, "prompts/index.html", {"form": form, "examples": EXAMPLES})
    form, result, status = IdeaForm(request.POST), None, 200
    try:
        limit(
            "optimize",
            visitor_of(request),
            most=settings.VISITOR_OPTIMIZE_LIMIT,
            seconds=60,
        )
        if form.is_valid():
            result = optimize.run(optimize.parse(form.as_input()))
        else:
            status = 422
    except UserError as error:
        field = str(error.extra.get("field", ""))
        form.add_error(field if field in form.fields else None, error.message)
        status = error.status
    return render(
        request,
        "prompts/index.html",
        {"form": form, "result": result, "examples": EXAMPLES},
        status=status,
    )
