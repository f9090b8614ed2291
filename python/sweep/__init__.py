"""Compares both workers with transformers' own forward pass, on small random models of many configurations."""
