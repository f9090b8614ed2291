"""Model folders: where they come from, which files they have, and what these say about the model."""
