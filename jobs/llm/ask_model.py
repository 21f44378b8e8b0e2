"""Ask a model: the answer of a language model, shown as it arrives."""

import asyncio
from collections.abc import Coroutine
from contextlib import ExitStack, aclosing
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from headway import job_task, progress
from headway.models import Job
from jobs.llm import budget
from jobs.llm.language_model import CutError, QuestionForm, load

NAP = 0.2
"""Seconds between looks whether the job is to stop, while the model says nothing."""
FILE = "answer.md"


@job_task(
    title=_("Ask a model"),
    form=QuestionForm,
    max_attempts=3,
    says=(
        gettext_noop("Waiting for the model"),
        gettext_noop("Answering"),
        gettext_noop("{count} tokens"),
    ),
    # An answer is cut off before; this ends what hangs elsewhere
    soft_time_limit=settings.LLM_MAX_SECONDS + 60,
    time_limit=settings.LLM_MAX_SECONDS + 120,
)
def ask_model(prompt: str, instructions: str = "") -> str:
    """Asks a language model and shows its answer while it grows.

    The answer is the result, and a file, which also keeps what had arrived of an answer that was
    cancelled or failed.
    """
    progress.phase("Waiting for the model")
    use = budget.begin(_owner(), prompt + instructions)
    try:
        with ExitStack() as files:
            return asyncio.run(_obeying(_written(prompt, instructions, files, use)))
    finally:
        use.end()


def _owner() -> Any:
    """The primary key of the job's; None without a job or an owner."""
    return Job.objects.filter(pk=progress.job).values_list("owner_id", flat=True).first()


async def _written(prompt: str, instructions: str, files: ExitStack, use: budget.Use) -> str:
    answer = await load()
    pieces: list[str] = []
    try:
        async with aclosing(answer(prompt, instructions)) as arriving:
            async for piece in arriving:
                progress.output(piece)  # before all else: nothing may make the first one wait
                use.tokens += 1
                if not pieces:
                    progress.phase("Answering")
                    file = files.enter_context(progress.result_file(FILE))
                pieces.append(piece)
                file.write(piece)
                progress.update(len(pieces), message=f"{len(pieces):,} tokens")
    except CutError as error:
        progress.warn("answer", error)
    if not pieces:
        progress.warn("answer", "is empty")
    return "".join(pieces)


async def _obeying(work: Coroutine[Any, Any, str]) -> str:
    """What `work` returns. Ends it when the job is to stop, even if nothing ever arrives."""
    task = asyncio.ensure_future(work)
    try:
        while not task.done():
            await asyncio.wait((task,), timeout=NAP)
            progress.advance(0)
        return task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
