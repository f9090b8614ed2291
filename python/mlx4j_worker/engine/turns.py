"""Decides what runs next on the model: decoding, or the prefill of one of the waiting prompts."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

MIN_PREFILL_SHARE = 1 / 2  # of the time, while there is something to decode too
MAX_PREFILL_SHARE = 7 / 8
MAX_LEAD_SECONDS = 2.0  # seconds; one stall, such as a suspended process, must not decide who works for long after it
LONG_PROMPT_TOKENS = 512  # tokens left to prefill
MAX_LONG_PROMPTS = 8  # prompts that are prefilled at once; further ones wait and leave their places to short prompts


class Prompt(Protocol):
    """A prompt that is being prefilled, of which so many tokens are ``left``."""

    @property
    def left(self) -> int: ...


P = TypeVar("P", bound=Prompt)


class Turns:
    """Shares the model's time between prefill and decode, and prefill's part between the prompts.

    Every share is of measured time, so it holds for any chunk size and on any device:

    - Prefill gets the share that its prompts have among all requests, but at least MIN_PREFILL_SHARE and at most
      MAX_PREFILL_SHARE. So a burst of prompts fills the batch quickly, a long prompt advances beside short ones, and
      decoding always continues.
    - Half of prefill's time belongs to the prompt that arrived first, half to the one with the fewest tokens left. So
      no prompt waits forever, and a short one does not wait behind long ones.
    """

    def __init__(self) -> None:
        self._prefill_lead = 0.0  # seconds that prefill has had beyond its share
        self._first_lead = 0.0  # seconds that the first prompt has had more than the shortest one
        self._share = MIN_PREFILL_SHARE
        self._least_lead = 0.0
        self._change = 0  # of _first_lead with each second of the prompt picked last

    def prefill_next(self, decoding: int, prompts: int) -> bool:
        """Whether to prefill next rather than to decode; the arguments count requests, not both 0."""
        if not decoding:
            self._prefill_lead = 0.0
            return True
        self._least_lead = -MAX_LEAD_SECONDS if prompts else 0.0  # time that nobody could use is not saved up
        if not prompts:
            return False
        self._share = min(max(prompts / (prompts + decoding), MIN_PREFILL_SHARE), MAX_PREFILL_SHARE)
        return self._prefill_lead <= 0

    def pick(self, prompts: Sequence[P]) -> P:
        """The prompt to prefill next, of one or more in the order of their arrival; each has ``left``, in tokens."""
        first, shortest = prompts[0], min(prompts, key=lambda prompt: prompt.left)
        if first is shortest:
            self._change = self._first_lead = 0
            return first
        self._change = 1 if self._first_lead < 0 else -1
        return first if self._first_lead < 0 else shortest

    def decoded(self, seconds: float) -> None:
        """Accounts for a step of decoding."""
        self._prefill_lead = max(self._least_lead, self._prefill_lead - seconds * self._share)

    def prefilled(self, seconds: float) -> None:
        """Accounts for a chunk of the prompt picked last."""
        self._prefill_lead = _bounded(self._prefill_lead + seconds * (1 - self._share))
        self._first_lead = _bounded(self._first_lead + seconds * self._change)


def _bounded(seconds: float) -> float:
    return min(max(seconds, -MAX_LEAD_SECONDS), MAX_LEAD_SECONDS)
