"""Errors whose text is fit for the person who made the request."""

from typing import Any


class UserError(Exception):
    """A request that cannot be done, said in plain words.

    `code` is stable and made for programs, `message` for people, `status` is the HTTP status
    an API answers with, `extra` adds fields to the JSON answer and `headers` to the response.
    """

    status = 400

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int | None = None,
        headers: dict[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status or type(self).status
        self.headers = headers or {}
        self.extra = extra

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON every API door answers with."""
        return {"error": {"code": self.code, "message": self.message, **self.extra}}
