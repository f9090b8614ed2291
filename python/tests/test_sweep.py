"""The sweep's table, its sample and its report."""

import pytest

from sweep import cases, reporting
from sweep.cases import Case


def test_the_table_has_enough_types_and_configurations_of_distinct_names():
    every = cases.every()
    assert len({case.model_type for case in every}) >= 90
    assert len({case.id for case in every}) == len(every) >= 250


def test_the_sample_has_every_known_case_and_is_the_same_each_time():
    sample = cases.chosen([], full=False)
    assert len(sample) == cases.SAMPLE
    assert {*cases.KNOWN} <= {case.id for case in sample}
    assert sample == cases.chosen([], full=False)


def test_cases_are_chosen_by_type_or_id():
    assert all(case.model_type == "gemma" for case in cases.chosen(["gemma"], full=False))
    assert [case.id for case in cases.chosen(["llama.tied"], full=False)] == ["llama.tied"]
    with pytest.raises(SystemExit, match=r"llama\.none"):
        cases.chosen(["llama.none"], full=False)


def test_a_cell_groups_configurations_by_their_reason():
    verdicts = [
        {"case": "llama.a", "verdict": "correct", "difference": 2e-6, "reason": ""},
        {"case": "llama.b", "verdict": "refused", "difference": None, "reason": "no biases"},
        {"case": "llama.c", "verdict": "refused", "difference": None, "reason": "no biases"},
    ]
    assert reporting.cell(verdicts) == "correct (2e-06); b, c refused: no biases"
    assert Case("llama", "a", {}).id == "llama.a"


def test_the_counts_say_where_options_were_compared():
    correct = {"verdict": "correct", "difference": 2e-6, "reason": ""}
    verdicts = [
        {**correct, "case": "llama.a", "engine": "mlx", "notes": []},
        {**correct, "case": "llama.b", "engine": "mlx", "notes": ["kvBits is refused: heads of 16"]},
        {"verdict": "refused", "case": "mamba.a", "engine": "mlx", "difference": None, "reason": "", "notes": []},
        {**correct, "case": "llama.a", "engine": "hf", "notes": []},
    ]
    mlx, hf = reporting.counts(verdicts).splitlines()
    assert mlx.endswith("compared too: 1 with an 8-bit KV cache and 2 with a draft model")
    assert "compared too" not in hf
