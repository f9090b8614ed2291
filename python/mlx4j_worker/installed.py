"""The files of a Python environment that ``mlx4j setup`` made.

Setup seals an environment: it removes every distribution that isn't locked, checks the rest by hash against the RECORD
of each distribution, and lists all code with its size and modification time in ``mlx4j-files.txt``. Java compares what
the interpreter reads before a script's first line with that list, and a worker each module that it imports. Needs
nothing but the standard library, and is run as part of a script too. A worker that starts waits for these imports, so
those of the other functions are within them.
"""

import importlib.machinery
import importlib.util
import os
import stat
import sys
from collections.abc import Iterator
from types import CodeType, ModuleType

FILE_LIST = "mlx4j-files.txt"  # in the environment
SCRIPTS = "mlx4j"  # in the environment, a folder: the scripts of the workers
MARKER = "mlx4j-requirements.sha256"  # only an environment that setup made has it
NATIVE = (".so", ".dylib", ".metallib")
CODE = (".py", ".pyc", *NATIVE)
MAX_NAMED = 10


class ChangedFile(ImportError):
    """A file of the environment is not the one that setup installed."""


def site_packages() -> str:
    """The folder of this environment's packages."""
    import sysconfig

    return sysconfig.get_path("purelib")


def stamp(path: str) -> str:
    """What the list says of a file: its size in bytes and modification time in seconds; of a link, its target.

    A file that others can write to has a mark that is in no list, since setup takes that permission away.
    """
    found = os.lstat(path)
    if stat.S_ISLNK(found.st_mode):
        return "-> " + os.readlink(path)
    return f"{found.st_size} {int(found.st_mtime)}" + (" writable" if found.st_mode & 0o022 else "")


def is_native(name: str) -> bool:
    return name.endswith(NATIVE) or ".so." in name


def records(site: str) -> "Iterator[tuple[str, str]]":
    """(path, hash) of each file that a RECORD in ``site`` lists; the hash is empty where RECORD has none."""
    for info in distributions_in(site):
        yield from record(site, info)


def distributions_in(site: str) -> "list[str]":
    """The ``*.dist-info`` folders in ``site``."""
    return sorted(entry.path for entry in os.scandir(site) if entry.name.endswith(".dist-info"))


def record(site: str, info: str) -> "Iterator[tuple[str, str]]":
    """What the RECORD of one distribution lists; see records."""
    import csv

    with open(os.path.join(info, "RECORD"), newline="", encoding="utf-8") as lines:
        for path, digest, *_ in csv.reader(lines):
            yield os.path.normpath(os.path.join(site, path)), digest


def differences(site: str) -> "list[str]":
    """What in ``site`` differs from the RECORD files, by hash: one sentence for each file, sorted.

    Compiled bytecode counts by name only. A ``.pth`` file is always reported, since it runs at each start.
    """
    listed = dict(records(site))
    found = []
    for path, digest in listed.items():
        if path.endswith(".pth") or path.endswith(".pyc"):
            continue
        if not os.path.isfile(path):
            found.append(f"{path} is missing")
        elif digest and digest != hash_of(path, digest.split("=")[0]):
            found.append(f"{path} was changed")
    for folder, folders, files in os.walk(site):
        folders.sort()
        for name in files:
            path = os.path.join(folder, name)
            if name.endswith(".pth"):
                found.append(f"{path} runs code whenever Python starts")
            elif path not in listed and not is_bytecode_of(listed, folder, name) and not is_companion(name):
                found.append(f"{path} belongs to no package")
    return sorted(found)


def is_bytecode_of(listed: "dict[str, str]", folder: str, name: str) -> bool:
    source = os.path.join(os.path.dirname(folder), name.split(".", 1)[0] + ".py")
    return os.path.basename(folder) == "__pycache__" and name.endswith(".pyc") and source in listed


def is_companion(name: str) -> bool:
    """Whether macOS keeps this file beside another one."""
    return name == ".DS_Store" or name.startswith("._")


def hash_of(path: str, algorithm: str) -> str:
    """The hash of a file as RECORD writes it."""
    import base64
    import hashlib

    digest = hashlib.new(algorithm)
    with open(path, "rb") as content:
        while block := content.read(1 << 20):
            digest.update(block)
    return f"{algorithm}={base64.urlsafe_b64encode(digest.digest()).rstrip(b'=').decode()}"


def summary(found: "list[str]") -> str:
    """The first of the differences, on one line."""
    more = f" and {len(found) - MAX_NAMED} more" if len(found) > MAX_NAMED else ""
    return "; ".join(found[:MAX_NAMED]) + more


def seal(locked: "set[str] | list[str]") -> "list[str]":
    """Make this environment hold the distributions in ``locked`` only, and list its files; return the differences.

    Nothing is listed if there are any.
    """
    site = site_packages()
    for info in distributions_in(site):
        if normalized_name(os.path.basename(info).split("-")[0]) not in locked:
            remove(site, info)
    for name in os.listdir(site):
        if name.endswith(".pth"):  # of setuptools, where torch needs it
            os.remove(os.path.join(site, name))
    compile_scripts()
    remove_write_permissions(sys.prefix)
    found = differences(site)
    if not found:
        write_list(site)
    return found


def normalized_name(name: str) -> str:
    """The name of a distribution as indexes compare it."""
    return name.lower().replace("_", "-").replace(".", "-")


def remove(site: str, info: str) -> None:
    """Remove a distribution: what its RECORD lists, and the folders that are empty then."""
    import glob

    inside = [path for path, _ in record(site, info) if path.startswith(sys.prefix + os.sep)]
    for path in inside:
        cached = os.path.join(os.path.dirname(path), "__pycache__", os.path.basename(path)[:-3] + ".*.pyc")
        for one in [path, *(glob.glob(cached) if path.endswith(".py") else [])]:
            if os.path.lexists(one):
                os.remove(one)
    for folder in sorted({os.path.dirname(path) for path in inside}, key=len, reverse=True):
        for one in (os.path.join(folder, "__pycache__"), folder):
            if one.startswith(site + os.sep) and os.path.isdir(one) and not os.listdir(one):
                os.removedirs(one)  # and its parents that are empty then; ``site`` holds other packages


def compile_scripts() -> None:
    """Compile the scripts of the workers, so that no start has to."""
    import compileall

    compileall.compile_dir(os.path.join(sys.prefix, SCRIPTS), quiet=2)


def remove_write_permissions(root: str) -> None:
    """Take the permission to write from group and others, whatever the umask was."""
    for folder, _, files in os.walk(root):
        for path in [folder, *(os.path.join(folder, name) for name in files)]:
            mode = os.lstat(path).st_mode
            if mode & 0o022 and not stat.S_ISLNK(mode):
                os.chmod(path, stat.S_IMODE(mode) & ~0o022)


def write_list(site: str) -> None:
    """Write the list: what is read before the first line of a script and all scripts, an empty line, then all code.

    Folders end with ``/``.
    """
    start = [sys.executable, os.path.join(sys.prefix, "pyvenv.cfg")]
    for folder, names, files in os.walk(os.path.join(sys.prefix, SCRIPTS)):
        names.sort()
        start += [os.path.join(folder, name) for name in sorted(files)]
    folders = [site]
    for entry in sorted(os.scandir(site), key=lambda entry: entry.name):
        if entry.name != "__pycache__" and not is_companion(entry.name):
            (folders if entry.is_dir(follow_symlinks=False) else start).append(entry.path)
    code = []
    for folder, names, files in os.walk(site):
        names.sort()
        code += [os.path.join(folder, name) for name in sorted(files) if name.endswith(CODE) or is_native(name)]
    lines = [f"{os.path.relpath(path, sys.prefix)}/\t" for path in folders]
    lines += [f"{os.path.relpath(path, sys.prefix)}\t{stamp(path)}" for path in start]
    lines += ["", *(f"{os.path.relpath(path, sys.prefix)}\t{stamp(path)}" for path in code)]
    half = os.path.join(sys.prefix, FILE_LIST + ".part")
    with open(half, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    os.replace(half, os.path.join(sys.prefix, FILE_LIST))


def read_list(prefix: str) -> "set[str] | None":
    """The lines of the list, each ``path\tstamp``; None if there is no list."""
    try:
        with open(os.path.join(prefix, FILE_LIST), encoding="utf-8") as file:
            return set(file.read().split("\n"))
    except FileNotFoundError:
        return None


def changed_files() -> "list[str] | None":
    """The listed files whose size or time is another one now; None if there is no list."""
    lines = read_list(sys.prefix)
    if lines is None:
        return None
    paths = sorted(line.split("\t")[0] for line in lines if line and not line.endswith("/\t"))
    guard = Guard(sys.prefix, lines)
    return [f"{guard.root}{path} was changed" for path in paths if not guard.is_same(path)]


class Guard:
    """Checks each file of an environment when it is imported. What it refused is in ``changed``."""

    def __init__(self, prefix: str, lines: "set[str]") -> None:
        self.root = os.path.join(prefix, "")
        self.lines = lines
        self.changed: list[str] = []
        self.natives_checked = False

    def key(self, path: str) -> str:
        inside = path[len(self.root) :]
        return "lib" + inside[5:] if inside.startswith("lib64/") else inside  # a link

    def is_same(self, inside: str) -> bool:
        try:
            return f"{inside}\t{stamp(self.root + inside)}" in self.lines
        except OSError:
            return False

    def check(self, path: str) -> None:
        """Raise ChangedFile unless the file is as it was listed."""
        if not self.is_same(self.key(path)):
            self.refuse(path)

    def check_natives(self) -> None:
        """The same for all native code, since one library loads others."""
        if not self.natives_checked:
            for inside in filter(is_native, (line.split("\t")[0] for line in self.lines)):
                self.check(self.root + inside)
            self.natives_checked = True

    def refuse(self, path: str) -> None:
        self.changed.append(path)
        raise ChangedFile(f"{path} was added or changed after `mlx4j setup`")

    def install(self) -> None:
        """Use it for every import from the environment from now on."""
        hook = importlib.machinery.FileFinder.path_hook(
            (checked_extensions(self), importlib.machinery.EXTENSION_SUFFIXES),
            (checked_sources(self), importlib.machinery.SOURCE_SUFFIXES),
            (checked_bytecode(self), importlib.machinery.BYTECODE_SUFFIXES),
        )

        def inside(path: str) -> "importlib.abc.PathEntryFinder":
            if not path.startswith(self.root):
                raise ImportError("not in the environment", path=path)
            return hook(path)

        sys.path_hooks.insert(0, inside)
        for path in [path for path in sys.path_importer_cache if path.startswith(self.root)]:
            del sys.path_importer_cache[path]


def checked_sources(guard: Guard) -> "type[importlib.machinery.SourceFileLoader]":
    class Sources(importlib.machinery.SourceFileLoader):
        def get_code(self, fullname: str) -> "CodeType | None":
            guard.check(self.path)
            if guard.is_same(guard.key(importlib.util.cache_from_source(self.path))):
                return super().get_code(fullname)
            return self.source_to_code(self.get_data(self.path), self.path)  # nobody vouches for that bytecode

    return Sources


def checked_bytecode(guard: Guard) -> "type[importlib.machinery.SourcelessFileLoader]":
    class Bytecode(importlib.machinery.SourcelessFileLoader):
        def get_code(self, fullname: str) -> "CodeType | None":
            guard.check(self.path)
            return super().get_code(fullname)

    return Bytecode


def checked_extensions(guard: Guard) -> "type[importlib.machinery.ExtensionFileLoader]":
    class Extensions(importlib.machinery.ExtensionFileLoader):
        def create_module(self, spec: "importlib.machinery.ModuleSpec") -> "ModuleType":
            guard.check(self.path)
            guard.check_natives()
            return super().create_module(spec)

    return Extensions


_guards: "list[Guard]" = []


def guard() -> None:
    """Check every later import from this environment, if setup listed its files."""
    if not _guards and (lines := read_list(sys.prefix)) is not None:
        _guards.append(Guard(sys.prefix, lines))
        _guards[0].install()


def raise_if_changed() -> None:
    """Raise ChangedFile if an import was refused, also where a package went on without the module."""
    for one in _guards:
        if one.changed:
            raise ChangedFile(f"{one.changed[0]} was added or changed after `mlx4j setup`")
