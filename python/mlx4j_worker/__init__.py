"""What the mlx4j workers share: the wire, the dispatch of calls, requests, text."""

VERSION = "0.1.0"
PROTOCOL = {"major": 1, "minor": 3}
