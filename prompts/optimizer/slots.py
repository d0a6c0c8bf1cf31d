"""The eight slots of a prompt, in their strict order, and the limits of its length."""

SLOTS = (
    "quality",
    "subject",
    "style",
    "lighting",
    "composition",
    "mood",
    "color_grade",
    "extra",
)
OPTION_SLOTS = ("style", "lighting", "composition", "mood", "color_grade")
# Who stays when a prompt is too long, first to last: the idea itself, then slot by slot.
KEEP_ORDER = (
    "subject",
    "quality",
    "style",
    "lighting",
    "composition",
    "mood",
    "color_grade",
    "extra",
)
LONGEST = 850  # characters of a prompt
FULL = 800  # a prompt that had to be cut ends between this and LONGEST
JOIN = ", "
