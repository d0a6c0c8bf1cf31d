"""What the optimiser refuses."""


class OptimizeInputError(ValueError):
    """An input that cannot be used.

    `code` is stable: missing_field, invalid_type, invalid_value, too_long or unknown_field.
    `field` names the input. `message` is plain words for the person who sent it.
    """

    def __init__(self, code: str, field: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.field = field
        self.message = message
