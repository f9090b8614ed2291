"""Random walks through the grammars of response formats: every text that a grammar allows must be valid.

No model is needed: each token is drawn among those that the format allows.
"""
