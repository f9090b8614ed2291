"""The params of calls: their fields, defaults and validation, before any engine sees them."""
