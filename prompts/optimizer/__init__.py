"""The optimiser: a rough idea in, one ordered prompt and five platform configurations out.

Pure Python: no Django, no network, no clock and no chance. The same request with the same
vocabulary gives the same bytes, and a finished prompt given back as the idea stays as it is.

The way of a request: `request` checks it, `syntax` takes flags and markup out, `reading` finds each
part's slot, `context` settles repetitions and conflicts, `fit` chooses what stays within 850
characters, `fill` fills what was left open, `negatives` and `tokens` work out the rest, and
`platforms` writes one configuration per tool.
"""

from .choices import choices_of
from .engine import check_choices, optimize, optimize_many, variants
from .errors import OptimizeInputError
from .profiles import PLATFORMS, check_settings
from .request import OptimizeRequest
from .result import Dropped, Fragment, Hint, Result
from .slots import SLOTS
from .starter import starter_data
from .trial import try_out
from .vocabulary import Vocabulary

__all__ = [
    "PLATFORMS",
    "SLOTS",
    "Dropped",
    "Fragment",
    "Hint",
    "OptimizeInputError",
    "OptimizeRequest",
    "Result",
    "Vocabulary",
    "check_choices",
    "check_settings",
    "choices_of",
    "optimize",
    "optimize_many",
    "starter_data",
    "try_out",
    "variants",
]
