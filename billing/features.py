"""What a plan can give, and how each is counted. Other areas add their own here."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final


class Period(StrEnum):
    """When a meter starts again, in UTC."""

    DAY = "day"
    MONTH = "month"
    ALWAYS = "always"  # a ceiling: the product gives units back when something ends


@dataclass(frozen=True)
class Feature:
    """One thing a plan gives, with its name for people."""

    name: str
    period: Period


FEATURES: Final[dict[str, Feature]] = {
    "campaigns.active": Feature("active campaigns", Period.ALWAYS),
    "campaigns.generations": Feature("AI generations a month", Period.MONTH),
}
EPOCH = date(1970, 1, 1)


def period_start(feature: str, day: date) -> date:
    """Return the first day of the period that `day` lies in. Raises KeyError for an unknown."""
    period = FEATURES[feature].period
    if period == Period.DAY:
        return day
    return day.replace(day=1) if period == Period.MONTH else EPOCH
