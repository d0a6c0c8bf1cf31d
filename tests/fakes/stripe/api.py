"""How the fake answers a request: find the endpoint, type the parameters, act, show."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.fakes.stripe.asked import typed_params
from tests.fakes.stripe.books import ApiError, no_such
from tests.fakes.stripe.checkout import Checkout
from tests.fakes.stripe.hints import Data, Misfit

PAGING = ("limit", "starting_after", "ending_before", "created")


@dataclass(frozen=True)
class Listing:
    """A list to be paged: objects of a kind, all those with the values of `equal`."""

    noun: str
    equal: Data
    keep: Callable[[Data], bool] = lambda row: True


Act = Callable[["Api", Data, str], "Data | Listing"]


@dataclass(frozen=True)
class Route:
    """One endpoint."""

    method: str
    path: re.Pattern[str]
    params: Any
    act: Act


ROUTES: list[Route] = []


def route(method: str, path: str, params: Any) -> Callable[[Act], Act]:
    """Register an endpoint; `{id}` in the path goes to it."""

    def register(act: Act) -> Act:
        pattern = re.compile("/v1/" + path.replace("{id}", "(?P<id>[A-Za-z0-9_-]+)"))
        ROUTES.append(Route(method, pattern, params, act))
        return act

    return register


class Api(Checkout):
    """Stripe's API."""

    def __init__(self) -> None:
        super().__init__()
        self.plans = {}

    def answer(self, method: str, path: str, raw: Data) -> Data:
        """Do what a request asks for. Raises ApiError."""
        found = [
            (one, match)
            for one in ROUTES
            if one.method == method and (match := one.path.fullmatch(path))
        ]
        if not found:
            raise ApiError(f"Unrecognized request URL ({method}: {path}).", status=404)
        endpoint, match = found[0]
        params = self._params(endpoint, raw)
        expand = params.pop("expand", [])
        with self.lock:
            done = endpoint.act(self, params, match.groupdict().get("id", ""))
            if isinstance(done, Listing):
                return self._list(done, params, expand, path)
            return self.show(done, expand)

    def _params(self, endpoint: Route, raw: Data) -> Data:
        try:
            params = typed_params(endpoint.params, raw)
        except Misfit as misfit:
            code = "parameter_unknown" if "unknown" in misfit.message else "parameter_invalid"
            raise ApiError(misfit.message, param=misfit.param, code=code) from misfit
        check_metadata(params)
        return params

    def _list(self, listing: Listing, params: Data, expand: list[str], path: str) -> Data:
        limit = params.get("limit", 10)
        if not 1 <= limit <= 100:
            raise ApiError("`limit` must be between 1 and 100.", param="limit")
        rows = [
            row
            for row in self.all(listing.noun, **listing.equal)
            if listing.keep(row) and made_within(row, params.get("created"))
        ]
        if after := params.get("starting_after"):
            refs = [row["id"] for row in rows]
            if after not in refs:
                raise no_such(listing.noun, after, param="starting_after", status=400)
            rows = rows[refs.index(after) + 1 :]
        more = len(rows) > limit
        return self.page(rows[:limit], expand, has_more=more, url=path)

    def more_state(self) -> Data:
        """Return what else goes into the state file."""
        return {"plans": self.plans}

    def load(self, path: Path) -> Data:
        """Keep everything in a file from now on, and go on from what it holds."""
        state = super().load(path)
        self.plans = state.get("plans", {})
        for one in self.all("subscription"):
            # JSON made copies of what is one object.
            one["items"]["data"] = [self.objects[item["id"]] for item in one["items"]["data"]]
        return state


def made_within(row: Data, created: Any) -> bool:
    """Whether a row was made within the bounds a list was asked for."""
    if created is None:
        return True
    if isinstance(created, int):
        return bool(row["created"] == created)
    tests = {"gt": int.__gt__, "gte": int.__ge__, "lt": int.__lt__, "lte": int.__le__}
    return all(tests[word](row["created"], edge) for word, edge in created.items())


def check_metadata(params: Data) -> None:
    """Refuse metadata that Stripe would refuse."""
    for name, value in params.items():
        if name == "metadata" and isinstance(value, dict):
            for key, text in value.items():
                if len(key) > 40 or len(text) > 500:
                    raise ApiError(
                        "Metadata: at most 40 characters a key and 500 a value.",
                        param=f"metadata[{key}]",
                    )
        elif isinstance(value, dict):
            check_metadata(value)


def equal(params: Data) -> Data:
    """Return the parameters of a list that are compared with the rows."""
    return {name: value for name, value in params.items() if name not in PAGING}
