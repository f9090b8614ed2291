"""What both engines' tests of the batched sampler share: rows, and the tests themselves."""

import unittest
from types import SimpleNamespace

import numpy

from engine_tests.tolerance import tolerance
from mlx4j_worker.engine.row import Row
from mlx4j_worker.errors import EngineFailed
from mlx4j_worker.requests.generate import SamplingParams

DRAWS = 4000
DRAWN = [12, 16, 40, 46, 34, 23, 22, 11, 10, 34, 16, 28]  # on every engine


class Drawing(unittest.TestCase):
    """A subclass has ``sampler()``, a BatchSampler; ``array`` and ``numpy``, from a numpy array and back; and
    ``filtered``, the library's own log-probabilities [vocabulary] after top-p, then min-p, then top-k."""

    def draw(self, logits, rows):
        drawn = self.sampler().draw(self.array(logits.astype(numpy.float32)), rows)
        return [token for _, token, _, _ in drawn.results()]

    def row(self, seed=0, position=0, prompt=(), tokens=(), allowed=None, log_probs=None, **sampling):
        given = SamplingParams(**sampling, seed=seed).filled(SamplingParams())
        generated = [*tokens] + [0] * (position - len(tokens))
        generation = SimpleNamespace(
            sampling=given,
            request=SimpleNamespace(log_probs=log_probs, cache_salt=None),
            prompt_tokens=[*prompt],
            tokens=generated,
            constrained=allowed is not None,
            allowed=lambda: allowed,
        )
        return Row(generation)

    def test_the_distribution_is_the_librarys(self):
        logits = numpy.random.default_rng(5).normal(size=50) * 2
        for sampling in (
            {"temperature": 1.0},
            {"temperature": 2.0, "top_k": 5},
            {"temperature": 0.5, "top_p": 0.8},
            {"temperature": 1.5, "min_p": 0.1},
            {"temperature": 1.5, "top_p": 0.95, "min_p": 0.02, "top_k": 6},
        ):
            with self.subTest(sampling):
                rows = [self.row(seed=seed, position=3, **sampling) for seed in range(DRAWS)]
                drawn = numpy.bincount(self.draw(numpy.tile(logits, (DRAWS, 1)), rows), minlength=50) / DRAWS
                weights = numpy.exp(self.filtered(logits, rows[0].generation.sampling) / sampling["temperature"])
                expected = weights / weights.sum()
                self.assertEqual(0, drawn[expected == 0].sum())
                spread = numpy.sqrt(expected * (1 - expected) / DRAWS)
                self.assertTrue((abs(drawn - expected) <= 5 * spread + 1e-3).all(), (drawn, expected))

    def test_a_row_gets_the_same_in_a_batch_as_alone(self):
        allowed = numpy.arange(300) % 7 == 0
        rows = [
            self.row(),
            self.row(1, temperature=0.9),
            self.row(2, temperature=1.2, top_k=7),
            self.row(3, temperature=1.2, top_p=0.9),
            self.row(4, temperature=0.7, min_p=0.05, top_k=280),
            self.row(5, temperature=1.0, repetition_penalty=1.7, prompt=(1, 2, 3), tokens=(4, 5)),
            self.row(6, presence_penalty=1.5, frequency_penalty=0.5, tokens=(7, 7, 8)),
            self.row(7, temperature=1.0, logit_bias={9: 4.0, 10: -4.0}),
            self.row(8, temperature=1.0, allowed=allowed),
            self.row(9, temperature=2.0, log_probs=3),
        ]
        logits = numpy.random.default_rng(6).normal(size=(len(rows), 300)) * 3
        alone = [self.draw(logits[[i]], [row])[0] for i, row in enumerate(rows)]
        self.assertEqual(alone, self.draw(logits, rows))
        self.assertEqual(0, alone[8] % 7)

    def test_every_engine_draws_the_same(self):
        logits = numpy.random.default_rng(7).normal(size=(12, 50)) * 2
        given = ({"temperature": 1.0}, {"temperature": 0.8, "top_k": 9}, {"temperature": 1.3, "top_p": 0.9})
        rows = [self.row(seed=i, position=i, **given[i % 3]) for i in range(12)]
        self.assertEqual(DRAWN, self.draw(logits, rows))

    def test_penalties_and_bias(self):
        logits = numpy.array([[2.0, 1.9, -1.0, 1.0]])
        cases = [
            ({"repetition_penalty": 1.5, "prompt": (0,)}, 1),
            ({"repetition_penalty": 1.5, "prompt": (0,), "tokens": (1,)}, 0),
            ({"presence_penalty": 0.2, "tokens": (0,)}, 1),
            ({"presence_penalty": 0.2, "prompt": (0,)}, 0),
            ({"frequency_penalty": 0.06, "tokens": (0,)}, 0),
            ({"frequency_penalty": 0.06, "tokens": (0, 0)}, 1),
            ({"logit_bias": {3: 1.1}}, 3),
        ]
        rows = [self.row(**given) for given, _ in cases]
        self.assertEqual([token for _, token in cases], self.draw(numpy.tile(logits, (len(cases), 1)), rows))

    def test_penalties_follow_the_tokens(self):
        sampler, row = self.sampler(), self.row(frequency_penalty=0.5)
        logits, drawn = self.array(numpy.array([[1.2, 1.0, 0.4]], numpy.float32)), []
        for _ in range(5):
            ((_, token, _, _),) = sampler.draw(logits, [row]).results()
            drawn.append(token)
            row.generation.tokens.append(token)
        self.assertEqual([0, 1, 0, 1, 2], drawn)

    def test_edges(self):
        masked = numpy.arange(50) == 31
        logits = numpy.random.default_rng(8).normal(size=50)
        best, infinite = int(logits.argmax()), numpy.where(masked, 1.0, -numpy.inf)
        for name, row, given, expected in (
            ("a tiny temperature", self.row(temperature=1e-9), logits, best),
            ("top-p of 0", self.row(temperature=5.0, top_p=0.0), logits, best),
            ("only one allowed", self.row(temperature=5.0, allowed=masked), logits, 31),
            ("only one possible", self.row(temperature=5.0), infinite, 31),
            ("only one possible of the most probable", self.row(temperature=5.0, top_k=4), infinite, 31),
            ("equal logits", self.row(), numpy.ones(50), 0),
            ("equal logits, sampled", self.row(temperature=1.0, top_k=1), numpy.ones(50), 0),
        ):
            with self.subTest(name):
                self.assertEqual([expected], self.draw(given[None], [row]))
        for seed in (-1, 2**63, 2**64 + 5, None):
            (token,) = self.draw(logits[None], [self.row(seed, temperature=1.0, top_k=1000, top_p=1.0)])
            self.assertIn(token, range(50))

    def test_a_row_whose_largest_logit_is_not_finite_fails_alone(self):
        healthy = numpy.random.default_rng(11).normal(size=300)
        place = numpy.arange(300)
        kinds = (
            {},
            {"temperature": 1.0},
            {"temperature": 1.0, "min_p": 0.1},
            {"temperature": 1.0, "top_k": 5},
            {"temperature": 1.0, "top_p": 0.9},
            {"temperature": 1.0, "top_p": 0.9, "top_k": 280},
            {"temperature": 1.0, "log_probs": 2},
            {"logit_bias": {5: 1.0}, "log_probs": 2},
            {"temperature": 1.0, "presence_penalty": 1.0, "tokens": (1, 2)},
        )
        for name, bad, rest in (
            ("NaN", numpy.full(300, numpy.nan), {}),
            ("a NaN with a sign", numpy.full(300, -numpy.nan), {}),
            ("one NaN among numbers", numpy.where(place == 70, numpy.nan, healthy), {"skips": "greedy"}),
            ("infinity", numpy.where(place == 70, numpy.inf, healthy), {}),
            ("nothing possible", numpy.full(300, -numpy.inf), {}),
            ("nothing possible that is allowed", numpy.where(place < 9, -numpy.inf, healthy), {"allowed": place < 9}),
        ):
            skips = rest.pop("skips", None)
            rows = [self.row(i, **kind, **rest) for i, kind in enumerate(kinds) if "temperature" in kind or not skips]
            beside = [self.row(50 + i, **kind) for i, kind in enumerate(kinds)]
            alone = [self.draw(healthy[None], [row])[0] for row in beside]
            for before in (0, 1):
                with self.subTest(name, before=before):
                    order = beside + rows if before else rows + beside
                    logits = numpy.stack([bad if row in rows else healthy for row in order])
                    drawn = self.sampler().draw(self.array(logits.astype(numpy.float32)), order)
                    results = {row: (token, other) for row, token, other, _ in drawn.results()}
                    self.assertEqual(alone, [results[row][0] for row in beside])
                    for row in beside:
                        self.assertNotIsInstance(results[row][1], Exception)
                    for row in rows:
                        self.assertIsInstance(results[row][1], EngineFailed, row.generation.sampling)
                        self.assertIn("NaN or infinity", str(results[row][1]))
            for row in rows:
                ((_, _, error, _),) = self.sampler().draw(self.array(bad[None].astype(numpy.float32)), [row]).results()
                self.assertIsInstance(error, EngineFailed)

    def test_a_large_vocabulary(self):
        size = 150_000
        logits = numpy.random.default_rng(9).normal(size=size)
        logits[::2] = -numpy.inf
        rows = [self.row(seed, temperature=1.0) for seed in range(200)]
        drawn = numpy.array(self.draw(numpy.tile(logits, (200, 1)), rows))
        self.assertTrue((drawn % 2 == 1).all())
        half = numpy.exp(logits[: size // 2]).sum() / numpy.exp(logits).sum()
        self.assertAlmostEqual(half, (drawn < size // 2).mean(), delta=5 * 0.5 / numpy.sqrt(200))

    def test_log_probabilities_are_the_models(self):
        logits = numpy.random.default_rng(10).normal(size=(2, 20)).astype(numpy.float32)
        rows = [self.row(log_probs=3), self.row(1, temperature=3.0, logit_bias={4: 9.0}, log_probs=1)]
        every = logits - numpy.log(numpy.exp(logits).sum(-1, keepdims=True))
        for i, (_, token, (own, top), _) in enumerate(self.sampler().draw(self.array(logits), rows).results()):
            self.assertAlmostEqual(every[i, token], own, delta=tolerance(1e-5))
            self.assertEqual((-every[i]).argsort()[: len(top)].tolist(), [t for t, _ in top])
            self.assertEqual((3, 1)[i], len(top))
