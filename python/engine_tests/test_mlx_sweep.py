"""What the sweep counts as equal to the reference."""

import unittest

import numpy

from sweep.comparing import parting, relative_difference

LOGITS = numpy.array([[0.0, 10.0, 9.0], [8.0, 0.0, 10.0]], dtype=numpy.float32)


class Comparison(unittest.TestCase):
    def test_equal_tokens_do_not_part(self):
        self.assertIsNone(parting(LOGITS, [1, 2], 0.01))

    def test_tokens_part_where_the_reference_has_a_clear_choice(self):
        self.assertEqual(parting(LOGITS, [1, 0], 0.1), "token 1 is 0, not 2, which leads by 0.2")

    def test_a_tie_may_go_either_way_and_ends_the_comparison(self):
        self.assertIsNone(parting(LOGITS, [2, 1], 0.11))

    def test_an_answer_that_ends_early_differs(self):
        self.assertEqual(parting(LOGITS, [1], 0.1), "1 tokens, not 2")

    def test_the_difference_is_relative_to_the_range(self):
        self.assertAlmostEqual(relative_difference(LOGITS, LOGITS + 0.1), 0.01, places=5)

    def test_other_shapes_and_nan_differ_infinitely(self):
        self.assertEqual(relative_difference(LOGITS, LOGITS[:1]), float("inf"))
        self.assertEqual(relative_difference(LOGITS, LOGITS * float("nan")), float("inf"))
