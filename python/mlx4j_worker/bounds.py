"""The limits of the protocol. Java has the same in internal/protocol/Bounds.java; a test compares them."""

MAX_LINE_BYTES = 8 * 1024 * 1024  # without its LF, either way
MAX_DEPTH = 128  # levels of JSON in a line, either way; the outermost object is level 1
MAX_SCHEMA_NUMBER = 2**53 - 1  # absolute, in a JSON schema: beyond it, a double can't hold every integer


def is_too_deep(value: object) -> bool:
    """Whether JSON is nested more than MAX_DEPTH levels deep. Goes level by level, so it can't overflow the stack."""
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(MAX_DEPTH):
        if not level:
            return False
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, (dict, list))
        ]
    return bool(level)


def unsafe_number(schema: object, path: str = "") -> str | None:
    """The path and value of a number in a schema that is beyond MAX_SCHEMA_NUMBER, or None. The depth is checked."""
    if isinstance(schema, (int, float)) and not isinstance(schema, bool):
        return None if abs(schema) <= MAX_SCHEMA_NUMBER else f"{str(schema)[:40]} at {path[:200]}"
    if isinstance(schema, (dict, list)):
        children = schema.items() if isinstance(schema, dict) else enumerate(schema)
        return next((found for key, child in children if (found := unsafe_number(child, f"{path}/{key}"))), None)
    return None
