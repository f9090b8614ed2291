"""Removes personal data from texts: names, home folders, serial numbers, addresses and secrets.

The replacement is one word per kind of thing, such as ``USER``, so that a log stays readable. Too much is removed
rather than too little: a version of four numbers looks like an IP address, for example.
"""

import getpass
import ipaddress
import json
import os
import pwd
import re
import socket
import subprocess
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

# Accounts and words that say nothing about a person, or are too common to be replaced everywhere.
_NO_NAMES = {"root", "admin", "administrator", "user", "users", "guest", "shared", "runner", "home", "test", "local"}
_COMPUTERS = r"MacBook(?:[ -](?:Pro|Air))?|iMac(?:[ -]Pro)?|Mac[ -]?(?:mini|Studio|Pro)|Computer|PC|Laptop"
_WORD = r"[^\W\d_][\w.-]*"

_PATTERNS: list[tuple[re.Pattern, str]] = [
    # Secrets. The kit collects none; this is for a log that quotes one.
    (re.compile(r"\b(?:hf_|sk-|gh[opsur]_|github_pat_|xox[abp]-)[\w-]{8,}"), "SECRET"),
    (re.compile(r"(?i)(\bBearer\s+)[\w.~+/=-]{8,}"), r"\1SECRET"),
    (
        re.compile(
            r"(?i)(\b[\w-]*(?:api[_-]?key|token|secret|passw(?:or)?d)[\"']?\s*[=:]\s*[\"']?)(?=\S*[\d_-])[^\s\"',;]{8,}"
        ),
        r"\1SECRET",
    ),
    (re.compile(r"(?i)(\w+://)[^\s/@:]+:[^\s/@]+@"), r"\1SECRET@"),
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "EMAIL"),
    # Serial numbers and other identifiers, by their label and by their form.
    (
        re.compile(
            r"(?i)(\"?\b(?:\w+[ _-]?)?Serial[ _-]?(?:Number|No\.?|#)?(?:\s*\([^)\n]*\))?\"?\s*[:=]\s*)"
            r"[\"<]?(?!SERIAL)(?=[^\s\">,]*\d)[\w.-]{4,}[\">]?"
        ),
        r"\1SERIAL",
    ),
    (re.compile(r"(?i)((?:UDID|UUID|ECID|IMEI|MEID)\"?\s*[:=]\s*)[\"<]?(?!UUID)[0-9A-Fx-]{8,}[\">]?"), r"\1UUID"),
    (re.compile(r"\b[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}\b"), "UUID"),
    (re.compile(r"\b[0-9A-F]{8}-[0-9A-F]{16}\b"), "UUID"),
    (re.compile(r"\b(?:[0-9A-Fa-f]{1,2}[:-]){5}[0-9A-Fa-f]{1,2}\b(?![:-])"), "MAC-ADDRESS"),
    # Computers that are named after their owner, and names on the local network.
    (
        re.compile(rf"(?:[A-ZÀ-ÞĀ-Ž][\w.]*[ -])?{_WORD}['’´]?s[ -](?:{_COMPUTERS})(?:[ -]?\(?\d+\)?)?(?:\.local\b)?"),
        "COMPUTER",
    ),
    (re.compile(rf"\b(?:{_COMPUTERS})[ -](?:von|de|di|van|af|av|do|da)[ -]{_WORD}"), "COMPUTER"),
    (re.compile(r"(?i)\b(?!COMPUTER\b)[a-z0-9][\w-]*\.(?:local|lan|fritz\.box)\b(?![/\\(])"), "COMPUTER"),
    # Home folders and the folders that macOS names after an account.
    (
        re.compile(r"(?<![\w.-])(/(?:Users|home|Volumes/[^/\s]+/Users)/)(?!Shared\b|USER\b)[^/\s\"':,;)\]}>]+"),
        r"\1USER",
    ),
    (re.compile(r"(/var/folders/)\w{2}/\w{20,}"), r"\1USER"),
    (re.compile(r"(?i)([A-Z]:\\Users\\)(?!USER\b)[^\\\s\"']+"), r"\1USER"),
]
_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]*\d)")
_IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:%\w+)?(?![\w:])")


@dataclass(frozen=True)
class Redactor:
    """Replaces what is known of this machine and its user, then everything that looks personal.

    ``home`` are paths that become ``~``; ``names`` are words that become ``USER``, in any case; ``hosts`` become
    ``COMPUTER``; ``identifiers``, such as serial numbers, become ``SERIAL``.
    """

    homes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    identifiers: tuple[str, ...] = ()

    def text(self, text: str) -> str:
        for home in _longest_first(self.homes):
            text = re.sub(re.escape(home) + r"(?![\w.-])", "~", text)
        for identifier in _longest_first(self.identifiers):
            text = text.replace(identifier, "SERIAL")
        for host in _longest_first(self.hosts):
            text = re.sub(rf"(?i)(?<!\w){re.escape(host)}(?!\w)", "COMPUTER", text)
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        text = _IPV4.sub(lambda found: _address(found.group()), text)
        text = _IPV6.sub(lambda found: _address(found.group()), text)
        for name in _longest_first(self.names):
            text = re.sub(rf"(?i)(?<![^\W_]){re.escape(name)}(?![^\W_])", "USER", text)
        return text

    def value(self, value: object) -> object:
        """The same for the strings in a JSON value; keys of objects stay."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {key: self.value(held) for key, held in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(held) for held in value]
        return value


def of_this_machine() -> Redactor:
    """What this machine and its user are called. Commands that don't exist here are passed over."""
    homes = {str(Path.home()), os.path.realpath(Path.home()), os.environ.get("HOME", "")}
    names, full_name = {_user(), os.environ.get("LOGNAME", ""), os.environ.get("SUDO_USER", "")}, ""
    try:
        account = pwd.getpwuid(os.getuid())
        names.add(account.pw_name)
        homes.add(account.pw_dir)
        full_name = account.pw_gecos.split(",")[0]
    except KeyError:
        pass
    names |= {full_name, *full_name.split()}
    hosts = {socket.gethostname(), socket.gethostname().split(".")[0]}
    hosts |= {_said("scutil", "--get", key) for key in ("ComputerName", "LocalHostName", "HostName")}
    registry = _said("ioreg", "-rd1", "-c", "IOPlatformExpertDevice")
    identifiers = re.findall(r'"IOPlatform(?:SerialNumber|UUID)" = "([^"]+)"', registry)
    return Redactor(
        tuple(home for home in homes if len(home) > 4 and home != "/root"),
        tuple(name for name in names if len(name) > 2 and name.lower() not in _NO_NAMES),
        tuple(host for host in hosts if len(host) > 2 and host.lower() not in {"localhost", *_NO_NAMES}),
        tuple(value for value in identifiers if len(value) > 5),
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def _said(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _longest_first(texts: Iterable[str]) -> list[str]:
    """The texts in every form in which they are written: composed, decomposed (paths on macOS), escaped in JSON."""
    normal = {unicodedata.normalize(form, text) for text in texts if text for form in ("NFC", "NFD")}
    return sorted(normal | {json.dumps(text)[1:-1] for text in normal}, key=len, reverse=True)


def _address(text: str) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text  # a time, or a version with a number above 255
    digits = any(character.isdigit() for character in text)
    return text if address.is_loopback or address.is_unspecified or not digits else "IP-ADDRESS"
