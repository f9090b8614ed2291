"""What commands of macOS print, as values. The functions that parse are tested on Linux with recorded formats."""

import json
import plistlib
import re
import sys
from pathlib import Path

IS_MACOS = sys.platform == "darwin"
REPORT_FOLDERS = (Path("/Library/Logs/DiagnosticReports"), Path.home() / "Library/Logs/DiagnosticReports")


def pairs(text: str) -> dict[str, str]:
    """The ``key: value`` lines of ``sw_vers`` and ``sysctl``."""
    found = {}
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        if colon and " " not in key.strip():
            found[key.strip()] = value.strip()
    return found


def vm_stat(text: str) -> dict[str, int]:
    """The output of ``vm_stat`` in bytes (event counts as they are), by lower-case name without "pages"."""
    size = re.search(r"page size of (\d+) bytes", text)
    page = int(size.group(1)) if size else 16384
    found = {}
    for line in text.splitlines():
        match = re.match(r'"?([^":]+)"?:\s+(\d+)\.?\s*$', line)
        if match:
            name, count = match.group(1), int(match.group(2))
            is_pages = name.startswith("Pages ") or name.endswith(" pages") or name == "Pages occupied by compressor"
            counts = is_pages and name not in ("Pages zero filled", "Pages reactivated", "Pages purged")
            found[name.lower().removeprefix("pages ").removesuffix(" pages")] = count * page if counts else count
    return found


def sleep_blockers(text: str) -> list[str]:
    """The processes in the output of ``pmset -g assertions`` that prevent the system from sleeping."""
    found = []
    for line in text.splitlines():
        match = re.match(r"\s*pid \d+\(([^)]*)\):.*\b(PreventSystemSleep|PreventUserIdleSystemSleep)\b", line)
        if match:
            found.append(f"{match.group(1)} ({match.group(2)})")
    return found


def wake_time(text: str) -> int | None:
    """The second, since 1970, in a line such as ``kern.waketime: { sec = 1714550000, usec = 5 } …``."""
    match = re.search(r"sec = (\d+)", text)
    return int(match.group(1)) if match else None


def attached(plist: bytes) -> tuple[str, str]:
    """The device and the mount point in the output of ``hdiutil attach -plist``."""
    entities = plistlib.loads(plist)["system-entities"]
    mounted = next(entity for entity in entities if entity.get("mount-point"))
    return min((entity["dev-entry"] for entity in entities), key=len), mounted["mount-point"]


def images_beneath(plist: bytes, folder: Path) -> list[str]:
    """The devices of attached images whose file is beneath a folder, from ``hdiutil info -plist``."""
    found = []
    for image in plistlib.loads(plist).get("images", []):
        path = Path(image.get("image-path", ""))
        entities = [entity["dev-entry"] for entity in image.get("system-entities", []) if "dev-entry" in entity]
        if entities and path.is_relative_to(folder):
            found.append(min(entities, key=len))
    return found


def new_reports(since: float, folders: tuple[Path, ...] = REPORT_FOLDERS) -> list[Path]:
    """Crash and panic reports written since a time, in seconds since 1970. What can't be read is passed over."""
    found = []
    for folder in folders:
        for pattern in ("*.panic", "*.ips", "*.crash", "Retired/*.panic", "Retired/*.ips"):
            try:
                found += [file for file in folder.glob(pattern) if file.stat().st_mtime >= since]
            except OSError:
                continue
    return sorted(found)


def is_panic(file: Path) -> bool:
    return file.suffix == ".panic" or file.name.startswith("panic-")


def is_ours(report: str) -> bool:
    """Whether a crash report is of a worker or of Java: it names the process, and a worker's parent is Java."""
    names = dict(re.findall(r'"(procName|parentProc|app_name)"\s*:\s*"([^"]*)"', report))
    process = names.get("procName", names.get("app_name", "")).lower()
    return process == "java" or (process.startswith("python") and names.get("parentProc") == "java")


def panic_string(report: str) -> str:
    """The first line of the panic message, which names the cause and holds nothing personal."""
    match = re.search(r'"panicString"\s*:\s*("(?:[^"\\]|\\.)*")', report)
    text = json.loads(match.group(1)) if match else report
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return next((line for line in lines if line.startswith("panic(")), lines[0] if lines else "")[:400]
