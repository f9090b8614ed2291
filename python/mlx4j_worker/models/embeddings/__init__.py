"""Embeddings: what a model folder says about them, and the part that is independent of the engine."""
