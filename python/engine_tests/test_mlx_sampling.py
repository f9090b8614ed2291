"""The batched sampler of the mlx engine, against mlx-lm's filters; runs in the worker's environment."""

import mlx.core as mx
import numpy
from mlx_lm.sample_utils import apply_min_p, apply_top_k, apply_top_p

from engine_tests.drawing import Drawing
from mlx4j_worker.mlx.sampling import BatchSampler


class Sampling(Drawing):
    sampler = BatchSampler
    array = staticmethod(mx.array)

    def filtered(self, logits, sampling):
        log_probs = mx.array(logits.astype(numpy.float32))[None]
        log_probs = log_probs - mx.logsumexp(log_probs, axis=-1, keepdims=True)
        if sampling.top_p < 1:
            log_probs = apply_top_p(log_probs, sampling.top_p)
        if sampling.min_p > 0:
            log_probs = apply_min_p(log_probs, sampling.min_p)
        if sampling.top_k > 0:
            log_probs = apply_top_k(log_probs, sampling.top_k)
        return numpy.array(log_probs[0])


del Drawing  # else it would be run too
