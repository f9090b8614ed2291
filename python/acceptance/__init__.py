"""The acceptance kit: checks this checkout on a real machine and writes a report that can be sent. See docs/macos.md.

Standard library only. ``runner`` runs steps within their time limits, ``steps`` holds one module per step, ``report``
writes the result, and ``redaction`` removes personal data from it.
"""
