"""The batched sampler of the hf engine, against transformers' filters; runs in the worker's environment."""

import torch
from transformers import MinPLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from engine_tests.drawing import Drawing
from mlx4j_worker.hf.sampling import BatchSampler


class Sampling(Drawing):
    sampler = BatchSampler
    array = staticmethod(torch.from_numpy)

    def filtered(self, logits, sampling):
        log_probs = torch.tensor(logits)[None].log_softmax(-1)
        if sampling.top_p < 1:
            log_probs = TopPLogitsWarper(sampling.top_p)(None, log_probs)
        if sampling.min_p > 0:
            kept = MinPLogitsWarper(sampling.min_p)(None, torch.tensor(logits)[None])
            log_probs = log_probs.masked_fill(kept.isinf(), -torch.inf)
        if sampling.top_k > 0:
            log_probs = TopKLogitsWarper(sampling.top_k)(None, log_probs)
        return log_probs[0].numpy()


del Drawing  # else it would be run too
