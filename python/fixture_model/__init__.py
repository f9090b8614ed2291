"""Makes the small chat model that the tests run on: its corpus, its tokenizer, its training."""
