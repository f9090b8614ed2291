"""How a model makes vectors of texts: what its folder says of it, and the part of the work that is no engine's."""
