"""One call on its way through an engine, as far as no engine is needed."""

from mlx4j_worker.generation import MAX_CHUNK_TOKENS, Generation
from mlx4j_worker.prompts import Prompt
from mlx4j_worker.requests import GenerateRequest


class Call:
    """Records what is sent."""

    def __init__(self):
        self.received, self.cancelled = 0.0, False
        self.chunks, self.result = [], None

    def notify(self, method, params):
        assert method == "chunk"
        self.chunks.append(params)

    def answer(self, result):
        self.result = result


def test_tokens_whose_text_comes_late_are_sent_in_chunks_that_fit_into_a_line():
    call = Call()
    request = GenerateRequest(prompt="x", max_tokens=2500, log_probs=1)
    generation = Generation(call, request, Prompt([1]), 2500, {0}, lambda ids: "")
    generation.started()

    for token in range(1, 2501):
        ended = generation.add(token, (-float(token), [(token, -float(token))]))
    assert ended
    generation.answer()

    assert [chunk["seq"] for chunk in call.chunks] == [0, 1, 2] == list(range(call.result["chunks"]))
    assert all(len(chunk["tokens"]) <= MAX_CHUNK_TOKENS for chunk in call.chunks)
    assert [token for chunk in call.chunks for token in chunk["tokens"]] == list(range(1, 2501))
    assert [one["logProb"] for chunk in call.chunks for one in chunk["logProbs"]] == [-float(t) for t in range(1, 2501)]
