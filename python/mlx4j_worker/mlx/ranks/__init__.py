"""Ranks: several processes that run one model, or train it, together."""
