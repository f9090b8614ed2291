"""Checks of the values of ``format`` that a response format may use."""

import datetime
import ipaddress
import re

_LABEL = re.compile("[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?")
_LABEL_OF_ANY_LENGTH = re.compile("[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?")
_DATE = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"([0-9]{2}):([0-9]{2}):([0-9]{2})(\.[0-9]+)?([zZ]|[+-]([0-9]{2}):([0-9]{2}))")
_LOCAL_PART = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*", re.ASCII)
_DURATION = re.compile(
    r"P(?!$)([0-9]+W|([0-9]+Y([0-9]+M([0-9]+D)?)?|[0-9]+M([0-9]+D)?|[0-9]+D)?"
    r"(T([0-9]+H([0-9]+M([0-9]+S)?)?|[0-9]+M([0-9]+S)?|[0-9]+S))?)"
)
_UUID = re.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_PATH = r"[\w.~!$&'()*+,;=:@/%-]"
_URI = re.compile(
    r"[a-zA-Z][a-zA-Z0-9+.-]*:"
    r"(//(?P<authority>([\w.~!$&'()*+,;=:%-]*@)?(\[(?P<literal>[^\]]*)\]|[\w.~!$&'()*+,;=%-]*)(:[0-9]*)?)(/"
    + _PATH
    + "*)?"
    r"|(?!//)" + _PATH + r"*)(\?(" + _PATH + r"|\?)*)?(\#(" + _PATH + r"|\?)*)?",
    re.ASCII,
)
_ESCAPE = re.compile("%(?![0-9a-fA-F]{2})")
_FUTURE = re.compile(r"v[0-9a-fA-F]+\.[\w.~!$&'()*+,;=:-]+", re.ASCII)


def conforms(text: str, name: str) -> bool:
    """Whether a string has a format; ``name`` is one of CHECKS."""
    try:
        return CHECKS[name](text)
    except ValueError:
        return False


def _is_date(text: str) -> bool:
    return bool(_DATE.fullmatch(text) and datetime.date.fromisoformat(text))


def _is_time(text: str) -> bool:
    found = _TIME.fullmatch(text)
    if not found:
        return False
    hour, minute, second, _, _, offset_hour, offset_minute = (
        int(n) if n and n.isdigit() else 0 for n in found.groups()
    )
    return hour < 24 and minute < 60 and second < 60 and offset_hour < 24 and offset_minute < 60


def _is_date_time(text: str) -> bool:
    return _is_date(text[:10]) and text[10:11] in ("T", "t") and _is_time(text[11:])


def _is_hostname(text: str) -> bool:
    return len(text) <= 253 and all(map(_LABEL.fullmatch, text.split(".")))


def _is_email(text: str) -> bool:
    """As RFC 5322 has it: the limits of length are those of mail servers."""
    local, _, domain = text.rpartition("@")
    if not _LOCAL_PART.fullmatch(local):
        return False
    if domain.startswith("[") and domain.endswith("]"):
        return ipaddress.IPv4Address(domain[1:-1]) is not None
    return all(map(_LABEL_OF_ANY_LENGTH.fullmatch, domain.split(".")))


def _is_ipv6(text: str) -> bool:
    return "%" not in text and ipaddress.IPv6Address(text) is not None


def _is_uri(text: str) -> bool:
    found = _URI.fullmatch(text)
    if not found or _ESCAPE.search(text):
        return False
    literal = found["literal"]
    return literal is None or _FUTURE.fullmatch(literal) is not None or _is_ipv6(literal)


CHECKS = {
    "date": _is_date,
    "time": _is_time,
    "date-time": _is_date_time,
    "duration": lambda text: _DURATION.fullmatch(text) is not None,
    "email": _is_email,
    "hostname": _is_hostname,
    "ipv4": lambda text: ipaddress.IPv4Address(text) is not None,
    "ipv6": _is_ipv6,
    "uri": _is_uri,
    "uuid": lambda text: _UUID.fullmatch(text) is not None,
}
