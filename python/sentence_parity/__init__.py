"""Compares embeddings of both workers with sentence-transformers, on small models that are made here."""
