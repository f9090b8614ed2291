"""The learning rate of each step, the same number on every engine."""

from math import cos, pi

from mlx4j_worker.training.config import TrainingConfig


def learning_rate(config: TrainingConfig, step: int) -> float:
    """The rate of an optimizer step, counted from 1.

    It grows in ``warmup_steps`` steps to the peak, and then stays, or falls so that it would reach the end rate one
    step after the last: no step has the rate 0 but where that is asked for.
    """
    peak, end, warmup = config.learning_rate, config.end_learning_rate, config.warmup_steps
    if step <= warmup:
        return peak * step / warmup
    if config.schedule == "constant":
        return peak
    total = config.total_steps or 0  # with_data has made sure that there is one
    done = min(1.0, (step - 1 - warmup) / (total - warmup))
    left = 1 - done if config.schedule == "linear" else (1 + cos(pi * done)) / 2
    return end + (peak - end) * left
