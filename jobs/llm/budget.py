"""What each user may have of the language model in a day, in answers and tokens: one bill comes for
all of them. Counted in the database, so all processes count together."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.db import Error
from django.db.models import F

from jobs.llm.language_model import ModelError
from jobs.models import ModelUse

logger = logging.getLogger(__name__)
CHARACTERS = 4
"""Of a question, that count as one token; of an answer each piece does, as most servers send it."""


class BudgetError(ModelError):
    """The user has had all of today's."""


@dataclass
class Use:
    """An answer under way, whose `tokens` are counted when it ends. Nobody's is not counted."""

    owner: Any
    tokens: int = 0

    def end(self) -> None:
        """Counts the tokens; a database that is away makes no answer fail."""
        if self.owner is None:
            return
        try:
            ModelUse.objects.filter(pk=self.owner).update(tokens=F("tokens") + self.tokens)
        except Error as error:
            logger.warning(
                "%s tokens of user %s are not counted: %s", self.tokens, self.owner, error
            )


def begin(owner: Any, asked: str) -> Use:
    """Counts one answer for the user with this primary key. Raises BudgetError."""
    limits = {
        "answers__lt": settings.LLM_MAX_ANSWERS_PER_DAY,
        "tokens__lt": settings.LLM_MAX_TOKENS_PER_DAY,
    }
    below = {name: most for name, most in limits.items() if most}
    if owner is None or not below:
        return Use(None)
    today = datetime.now(UTC).date()
    ModelUse.objects.get_or_create(owner_id=owner, defaults={"day": today})
    mine = ModelUse.objects.filter(pk=owner)
    mine.filter(day__lt=today).update(day=today, answers=0, tokens=0)
    # One statement, so that of many at once only as many begin as are left
    if not mine.filter(**below).update(answers=F("answers") + 1):
        raise BudgetError(
            "You have had as many answers of the model as there are for you in a day. Ask again"
            " after midnight UTC."
        )
    return Use(owner, len(asked) // CHARACTERS)


def seconds_left() -> int:
    """Until the next day begins."""
    now = datetime.now(UTC)
    tomorrow = datetime.combine(now.date() + timedelta(days=1), time(), UTC)
    return int((tomorrow - now).total_seconds()) + 1
