"""Turns with a simulated clock: decode steps and chunks of prefill that take the times of slow and of fast devices."""

from dataclasses import dataclass

import pytest

from mlx4j_worker.engine.turns import MAX_LEAD_SECONDS, MAX_PREFILL_SHARE, MIN_PREFILL_SHARE, Turns

CHUNK = 0.12  # seconds at most
DEVICES = {  # seconds of a token's prefill, and of a decode step for one row and for each further one
    "cpu": (3e-3, 0.01, 0.004),
    "gpu": (5e-4, 0.02, 0.0005),
    "fast gpu": (2e-5, 0.003, 0.0001),
}
devices = pytest.mark.parametrize("costs", DEVICES.values(), ids=DEVICES)


@dataclass
class Prompt:
    left: int  # tokens
    arrived: float
    answer: int = 32  # tokens
    first_token: float | None = None
    ended: float | None = None


class Engine:
    """Prefills and decodes in no time of its own, and keeps the books that Turns asks for."""

    def __init__(self, prefill, step, row):
        self.turns, self.now = Turns(), 0.0
        self.prompts, self.rows = [], []
        self.prefill_seconds = self.decode_seconds = self.longest_gap = 0.0
        self._costs, self._stepped = (prefill, step, row), 0.0

    def submit(self, tokens, answer=32):
        prompt = Prompt(tokens, self.now, answer)
        self.prompts.append(prompt)
        return prompt

    def step(self):
        prefill, step, row = self._costs
        if self.turns.prefill_next(len(self.rows), len(self.prompts)):
            prompt = self.turns.pick(self.prompts)
            tokens = min(prompt.left, max(16, int(CHUNK / prefill)))
            seconds = max(tokens, 16) * prefill
            self.turns.prefilled(seconds)
            self.prefill_seconds += seconds
            prompt.left -= tokens
            self.now += seconds
            if not prompt.left:
                self.prompts.remove(prompt)
                self.rows.append(prompt)
            return
        seconds = step + row * (len(self.rows) - 1)
        self.turns.decoded(seconds)
        self.decode_seconds += seconds
        self.now += seconds
        if len(self.rows) > 1:
            self.longest_gap = max(self.longest_gap, self.now - self._stepped)
        self._stepped = self.now
        for prompt in list(self.rows):
            prompt.first_token = prompt.first_token or self.now
            prompt.answer -= 1
            if not prompt.answer:
                prompt.ended = self.now
                self.rows.remove(prompt)

    def run(self, done, callers=0, tokens=24, answer=32):
        """Steps until ``done()``, with so many callers of which each asks again once it is answered."""
        short = [self.submit(tokens, answer) for _ in range(callers)]
        ended = []
        while not done():
            assert self.now < 10_000, "starved"
            self.step()
            for i, prompt in enumerate(short):
                if prompt.ended:
                    ended.append(prompt)
                    short[i] = self.submit(tokens, answer)
        return ended


@devices
@pytest.mark.parametrize(("tokens", "answer"), [(24, 32), (100, 8), (300, 1)])
def test_a_long_prompt_advances_beside_many_short_callers_however_much_they_ask(costs, tokens, answer):
    engine = Engine(*costs)
    long = engine.submit(3500)
    engine.run(lambda: long.first_token, callers=30, tokens=tokens, answer=answer)
    alone = 3500 * costs[0]
    assert long.first_token < 4 * alone + 1  # half of prefill's half


@devices
def test_short_callers_get_their_tokens_beside_several_long_prompts(costs):
    engine = Engine(*costs)
    longs = [engine.submit(3500) for _ in range(4)]
    short = engine.run(lambda: all(one.first_token for one in longs), callers=8)
    prefill, step, row = costs
    decode = step + row * 12
    assert engine.longest_gap < 2 * CHUNK + decode
    alone = 8 * 24 * prefill + 2 * decode  # the prompts of all callers, and the step that gives the token
    assert max(one.first_token - one.arrived for one in short) < 4 * (alone + CHUNK)


@devices
def test_shares_of_time_stay_within_their_bounds(costs):
    engine = Engine(*costs)
    for _ in range(3):
        engine.submit(10**9)
    engine.rows = [Prompt(0, 0.0, 10**9) for _ in range(20)]
    while engine.now < 60:
        engine.step()
    assert engine.prefill_seconds / engine.now == pytest.approx(MIN_PREFILL_SHARE, abs=0.02)
    engine = Engine(*costs)
    for _ in range(30):
        engine.submit(10**9)
    engine.rows = [Prompt(0, 0.0, 10**9)]
    while engine.now < 60:
        engine.step()
    assert engine.prefill_seconds / engine.now == pytest.approx(MAX_PREFILL_SHARE, abs=0.02)


def test_a_stall_is_soon_forgotten():
    turns = Turns()
    assert turns.prefill_next(1, 1)
    turns.pick([Prompt(100, 0.0)])
    turns.prefilled(3600)
    steps = 0
    while not turns.prefill_next(1, 1):
        turns.decoded(0.1)
        steps += 1
    assert steps * 0.1 <= MAX_LEAD_SECONDS / MIN_PREFILL_SHARE + 0.2


def test_time_that_nobody_else_wanted_is_not_owed():
    turns = Turns()
    for _ in range(100):
        assert turns.prefill_next(0, 1)
        turns.pick([Prompt(100, 0.0)])
        turns.prefilled(0.1)
    assert not turns.prefill_next(1, 1)  # for the last chunk alone
    turns.decoded(0.11)
    assert turns.prefill_next(1, 1)


def test_time_that_was_not_used_is_not_saved_up():
    turns = Turns()
    for _ in range(100):
        assert not turns.prefill_next(5, 0)
        turns.decoded(0.1)
    assert turns.prefill_next(5, 1)
    turns.pick([Prompt(100, 0.0)])
    turns.prefilled(0.1)
    assert not turns.prefill_next(5, 1)


def test_prompts_that_come_one_by_one_do_not_hold_up_decoding():
    turns, prefill, decode = Turns(), 0.0, 0.0
    for _ in range(1000):
        if turns.prefill_next(5, 1):
            turns.pick([Prompt(100, 0.0)])
            turns.prefilled(0.12)
            prefill += 0.12
            assert not turns.prefill_next(5, 0)  # it has joined, and the next one comes after a step
        turns.decoded(0.02)
        decode += 0.02
    assert decode >= prefill * 0.9
