"""What a training is to be: fields, learning rates, and the modules that get an adapter. No engine."""

import pytest

from mlx4j_worker.errors import InvalidRequest
from mlx4j_worker.training import target_modules
from mlx4j_worker.training.config import parse_training
from mlx4j_worker.training.schedule import learning_rate

LLAMA = [f"model.layers.{i}.{name}" for i in (0, 1, 10) for name in ("self_attn.q_proj", "mlp.up_proj")] + ["lm_head"]


def rates(steps, **fields):
    config = parse_training({"method": "full", "learningRate": 1.0, **fields})
    return [learning_rate(config, step) for step in range(1, steps + 1)]


def test_what_is_left_out_has_its_default():
    config = parse_training({"method": "lora", "rank": None})
    assert (config.rank, config.alpha, config.scale, config.optimizer, config.weight_decay) == (8, 16, 2, "adamw", 0.01)
    assert parse_training({"method": "full", "optimizer": "adam"}).weight_decay == 0
    assert parse_training({"method": "lora", "weightDecay": 0}).weight_decay == 0


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"method": None}, "method"),
        ({"method": "qlora"}, "method"),
        ({"method": ["lora"]}, "method"),
        ({"frobnicate": 1}, "training.frobnicate"),
        ({"rank": 0}, "rank"),
        ({"rank": True}, "rank"),
        ({"alpha": 0}, "alpha"),
        ({"dropout": 1}, "dropout"),
        ({"layers": 0}, "layers"),
        ({"targets": []}, "targets"),
        ({"targets": "q_proj"}, "targets"),
        ({"adapter": ""}, "adapter"),
        ({"method": "full", "adapter": "somewhere"}, "adapter"),
        ({"method": "full", "rank": 4}, "rank"),
        ({"optimizer": "lion"}, "optimizer"),
        ({"learningRate": 0}, "learningRate"),
        ({"learningRate": float("nan")}, "learningRate"),
        ({"endLearningRate": 1e-6}, "endLearningRate"),
        ({"schedule": "cosine", "totalSteps": 5, "endLearningRate": 1}, "endLearningRate"),
        ({"weightDecay": -1}, "weightDecay"),
        ({"totalSteps": 5, "epochs": 1, "trainData": "x"}, "epochs"),
        ({"epochs": 1}, "epochs"),
        ({"batchSize": 4097}, "batchSize"),
        ({"accumulation": 0}, "accumulation"),
        ({"maxLength": 1}, "maxLength"),
        ({"maxGradientNorm": 0}, "maxGradientNorm"),
        ({"dtype": "int8"}, "dtype"),
        ({"seed": -1}, "seed"),
    ],
)
def test_what_is_wrong_is_refused_by_its_name(fields, named):
    with pytest.raises(InvalidRequest, match=named):
        parse_training({"method": "lora", **fields})


def test_a_schedule_ends_with_the_data():
    config = parse_training({"method": "lora", "schedule": "linear", "epochs": 3, "trainData": "x", "batchSize": 4})
    assert config.with_data(10).total_steps == 8
    with pytest.raises(InvalidRequest, match="needs an end"):
        parse_training({"method": "lora", "schedule": "cosine"}).with_data(10)
    with pytest.raises(InvalidRequest, match="warmupSteps"):
        parse_training({"method": "lora", "warmupSteps": 5, "totalSteps": 5}).with_data(10)


def test_the_rate_warms_up_and_falls():
    assert rates(4) == [1, 1, 1, 1]
    assert rates(5, warmupSteps=4) == [0.25, 0.5, 0.75, 1, 1]
    linear = rates(6, schedule="linear", totalSteps=5, warmupSteps=1, endLearningRate=0.2)
    assert linear == pytest.approx([1, 1, 0.8, 0.6, 0.4, 0.2])
    assert rates(5, schedule="cosine", totalSteps=4) == pytest.approx([1, 0.8535534, 0.5, 0.1464466, 0])


def chosen(layers, targets, paths=LLAMA, model_type="llama"):
    return target_modules.chosen(paths, layers, targets, model_type)


def test_modules_that_choose_experts_and_those_that_transformers_passes_over_get_no_adapter():
    paths = [f"model.layers.0.{end}" for end in ("mlp.gate", "moe.router.layer", "mixer.in_proj", "mixer.out_proj")]
    assert chosen(None, None, paths) == ["model.layers.0.mixer.in_proj", "model.layers.0.mixer.out_proj"]
    assert chosen(None, None, paths, "falcon_h1") == ["model.layers.0.mixer.in_proj"]
    with pytest.raises(
        InvalidRequest, match="'out_proj', which can't have an adapter in a model of the type falcon_h1"
    ):
        chosen(None, ("out_proj",), paths, "falcon_h1")


def test_the_text_part_of_a_model_may_have_another_prefix():
    path = "model.language_model.layers.0.mlp.up_proj"
    assert target_modules.equivalent_paths(path)[0] == path
    assert {"model.layers.0.mlp.up_proj", "language_model.model.layers.0.mlp.up_proj"} <= {
        *target_modules.equivalent_paths(path)
    }
    assert "model.layers.0.fc" not in target_modules.equivalent_paths("vision_tower.layers.0.fc")


def test_the_modules_are_those_of_the_last_blocks():
    assert chosen(1, None) == ["model.layers.10.mlp.up_proj", "model.layers.10.self_attn.q_proj"]
    assert len(chosen(None, None)) == 6
    assert chosen(2, ("q_proj",)) == [f"model.layers.{i}.self_attn.q_proj" for i in (1, 10)]
    assert chosen(1, ("self_attn.q_proj", "up_proj")) == chosen(1, None)
    for layers, targets, pattern in ((4, None, "3 blocks"), (1, ("proj",), "'proj'"), (None, ("lm_head",), "lm_head")):
        with pytest.raises(InvalidRequest, match=pattern):
            chosen(layers, targets)


def test_an_adapter_names_its_modules_shortly_where_that_is_certain():
    config = parse_training({"method": "dora", "rank": 4, "alpha": 12})
    every = chosen(None, None)
    written = target_modules.peft_config(config, "org/name", "main", every, LLAMA, False)
    assert written["target_modules"] == ["mlp.up_proj", "self_attn.q_proj"]
    assert (written["r"], written["lora_alpha"], written["use_dora"]) == (4, 12, True)
    some = chosen(1, None)
    assert target_modules.peft_config(config, "org/name", None, some, LLAMA, False)["target_modules"] == some
