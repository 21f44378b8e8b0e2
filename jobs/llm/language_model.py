"""Settings and errors of the language model."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from importlib import import_module
from typing import cast

from django import forms
from django.conf import settings
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from headway.lifecycle.errors import JobError


class ModelError(JobError):
    """There is no answer, or only half of it; the message is a sentence for the user."""


class CutError(ModelError):
    """All that came is good, but the answer would have been longer."""


def hindrance() -> str:
    """Why no model can be asked here, as a sentence that says what to set; "" when one can."""
    if settings.LLM_BASE_URL and settings.LLM_MODEL:
        return ""
    return gettext(
        "No language model is configured. The operator of this site can set one with the settings"
        " LLM_BASE_URL, LLM_MODEL and, if it requires a key, LLM_API_KEY."
    )


async def load() -> Callable[..., AsyncGenerator[str, None]]:
    """`jobs/llm/model_answer.py:answer`. Imported in a thread: the loop goes on meanwhile."""
    module = await asyncio.to_thread(import_module, "jobs.llm.model_answer")
    return cast("Callable[..., AsyncGenerator[str, None]]", module.answer)


class QuestionForm(forms.Form):
    """A question to the model."""

    prompt = forms.CharField(
        label=_("Question"),
        strip=False,
        widget=forms.Textarea({"rows": 6, "autofocus": True}),
    )
    instructions = forms.CharField(
        required=False,
        widget=forms.Textarea({"rows": 2}),
        label=_("Instructions"),
        help_text=_("How to answer, such as: in simple words, as a list, in French."),
    )

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)  # type: ignore[arg-type]  # whatever Form takes
        for field in self.fields.values():
            field.validators += [_not_too_long, _sendable]
        if hindrance():  # no keyboard is to open over why it cannot be asked
            del self.fields["prompt"].widget.attrs["autofocus"]

    @property
    def hindrance(self) -> str:
        """Shown above the fields."""
        return hindrance()

    def clean_prompt(self) -> str:
        prompt: str = self.cleaned_data["prompt"]
        if not prompt.strip():
            raise forms.ValidationError(_("This field is required."))
        return prompt

    def clean(self) -> None:
        if sentence := hindrance():
            raise forms.ValidationError(sentence)


def _sendable(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise forms.ValidationError(
            _("This contains half a character, which cannot be sent.")
        ) from None


def _not_too_long(text: str) -> None:
    if len(text) > settings.LLM_MAX_PROMPT:
        raise forms.ValidationError(
            _("This may have up to {limit} characters, and has {number}.").format(
                limit=f"{settings.LLM_MAX_PROMPT:,}", number=f"{len(text):,}"
            )
        )
