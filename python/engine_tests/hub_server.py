"""A hub of our own on the loopback: it serves one model folder under any name, in the hub's own HTTP.

``python hub_server.py FOLDER`` prints its URL and serves until its standard input ends. A repository's name says what
is wrong with it:

    faults/stall      the weights' first half comes, then nothing more, for each request
    faults/stall-once the same for the first request only
    faults/no-range   the same, and Range isn't heeded
    faults/cut        the connection ends after each 2 MB of the weights
    faults/flaky      the first two requests for the weights are answered with 503
    faults/down       everything is answered with 503
    faults/garbage    everything is answered with a page that is no JSON
    faults/private    401 without the token "secret", as for a repository that isn't there
    faults/gated      403, for a model whose terms have to be accepted
    faults/missing    404
    faults/huge       the list says that the weights have 10 TB
    faults/moved      the weights are at another host, which is told by "localhost" in place of the address
    faults/name       the list says that the weights have a SHA-256 that is the path of a file elsewhere
    faults/blob       the same for the git hash of a small file
    faults/etag       the ETag of every small file is the path of a file elsewhere
    faults/outside    the list names a file outside of the folder, faults/commit: its commit is a path
    faults/shape      the list is JSON of another shape, faults/deep: it is nested 100,000 levels deep
    faults/long       the list never ends, faults/bomb: 600 MB of it come as a small gzip body
    faults/changed    the weights are others than the list says, faults/shorter: they are fewer
    faults/endless    the weights never end
    faults/small      the content of a small file is not what the list says

It is an HTTP proxy too, which answers for every host.

``GET /log`` is the list of the requests so far, of which each has a method, path, host and Range, and whether it had a
token.
"""

import hashlib
import json
import sys
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

WEIGHTS = "model.safetensors"
HUGE = 10_000_000_000_000


class Hub(ThreadingHTTPServer):
    """Serves ``folder`` at ``url``; ``log`` has the requests so far."""

    daemon_threads = True

    def __init__(self, folder):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files = {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir()) if path.is_file()}
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.log = []
        self.sent = 0  # bytes of what never ends
        self.elsewhere = None  # the path that faults/etag names
        self.ended = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):  # a client that hangs up is no news
        pass

    def close(self):
        self.ended.set()
        self.shutdown()
        self.server_close()

    def served(self, repository, name):
        """How often a file was asked for, the present request included."""
        wanted = f"/{repository}/resolve/"
        return sum(
            one["method"] == "GET" and one["path"].startswith(wanted) and one["path"].endswith(f"/{name}")
            for one in self.log
        )


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        path = urlsplit(self.path).path
        if path == "/log":
            self._json(self.server.log)
            return
        of_request = {"host": self.headers.get("Host").split(":")[0], "token": "Authorization" in self.headers}
        of_request["range"] = self.headers.get("Range")
        self.server.log.append({"method": self.command, "path": path, **of_request})
        parts = path.strip("/").split("/")
        of_api = parts[:2] == ["api", "models"]
        repository = "/".join(parts[2:4] if of_api else parts[:2])
        if self._refused(repository):
            return
        if not of_api:
            self._file(repository, parts[-1])
        elif repository in ("faults/long", "faults/bomb", "faults/deep"):
            self._hostile_list(repository)
        elif parts[4:5] == ["tree"]:
            self._json([self._of_tree(repository, name) for name in self.server.files])
        else:
            self._json(["no", "list"] if repository == "faults/shape" else self._info(repository))

    do_HEAD = do_GET

    def _refused(self, repository):
        refusals = {
            "faults/down": (503, ""),
            "faults/gated": (403, "GatedRepo"),
            "faults/missing": (404, "RepoNotFound"),
        }
        if repository == "faults/private" and self.headers.get("Authorization") != "Bearer secret":
            refusals[repository] = (401, "RepoNotFound")
        if repository == "faults/garbage":
            self._start(200, {"Content-Length": "4"})
            self.wfile.write(b"<ht>")
            return True
        if repository not in refusals:
            return False
        status, code = refusals[repository]
        self._start(status, {"Content-Length": "0", "X-Error-Code": code, "X-Error-Message": "on demand"})
        return True

    def _info(self, repository):
        siblings = [
            {
                "rfilename": name,
                "size": self._size(repository, name),
                "blobId": self._blob(repository, name),
                **self._lfs(repository, name),
            }
            for name in self.server.files
        ]
        if repository == "faults/outside":
            siblings.append({**siblings[0], "rfilename": "../../../outside.json"})
        return {
            "id": repository,
            "modelId": repository,
            "sha": "../../elsewhere" if repository == "faults/commit" else _sha1(repository),
            "private": False,
            "gated": False,
            "tags": [],
            "cardData": {"license": "apache-2.0"},
            "siblings": siblings,
        }

    def _of_tree(self, repository, name):
        lfs = self._lfs(repository, name).get("lfs")
        entry = {
            "type": "file",
            "path": name,
            "size": self._size(repository, name),
            "oid": self._blob(repository, name),
        }
        return {**entry, "lfs": {"oid": lfs["sha256"], **lfs}} if lfs else entry

    def _hostile_list(self, repository):
        encoding = {"Content-Encoding": "gzip"} if repository == "faults/bomb" else {}
        self._start(200, {"Content-Type": "application/json", "Connection": "close", **encoding})
        self.close_connection = True
        if repository == "faults/deep":
            self.wfile.write(b"[" * 100_000)
            return
        spaces = b" " * 1_000_000
        packer = zlib.compressobj(wbits=31) if encoding else None
        for _ in range(600):
            if self.server.ended.is_set():
                return
            self.server.sent += len(spaces)
            self.wfile.write(packer.compress(spaces) if packer else spaces)

    def _blob(self, repository, name):
        """Git's hash of a file."""
        if repository == "faults/blob" and name == "config.json":
            return "../../elsewhere"
        content = self.server.files[name]
        return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()

    def _size(self, repository, name):
        return HUGE if repository == "faults/huge" and name == WEIGHTS else len(self.server.files[name])

    def _lfs(self, repository, name):
        if name != WEIGHTS:
            return {}
        digest = hashlib.sha256(self.server.files[name]).hexdigest()
        digest = "../../elsewhere" if repository == "faults/name" else digest
        return {"lfs": {"sha256": digest, "size": self._size(repository, name), "pointerSize": 134}}

    def _file(self, repository, name):
        content = self.server.files.get(name)
        if content is None:
            self._start(404, {"Content-Length": "0", "X-Error-Code": "EntryNotFound"})
            return
        etag = hashlib.sha256(content).hexdigest() if name == WEIGHTS else self._blob("", name)
        if repository == "faults/etag" and name != WEIGHTS:
            etag = str(self.server.elsewhere)
        headers = {"X-Repo-Commit": _sha1(repository), "X-Linked-Size": str(len(content)), "ETag": f'"{etag}"'}
        weights = name == WEIGHTS and self.command == "GET"
        times = self.server.served(repository, name)
        if weights and repository == "faults/moved" and times == 1:
            place = f"http://localhost:{self.server.server_port}{self.path}"
            self._start(302, {"Content-Length": "0", "Location": place})
            return
        if weights and repository == "faults/flaky" and times <= 2:
            self._start(503, {"Content-Length": "0"})
            return
        if weights and repository == "faults/endless":
            self._endless(content)
            return
        content = _changed(repository, name, content)
        start = 0
        if (asked := self.headers.get("Range")) and repository != "faults/no-range":
            start = int(asked.removeprefix("bytes=").split("-")[0])
            if start >= len(content):
                self._start(416, {"Content-Length": "0"})
                return
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        self._start(
            206 if "Content-Range" in headers else 200, {**headers, "Content-Length": str(len(content) - start)}
        )
        if self.command == "HEAD":
            return
        half = len(content) // 2
        if weights and (
            repository == "faults/stall" or (repository in ("faults/stall-once", "faults/no-range") and times == 1)
        ):
            self.wfile.write(content[start:half])
            self.wfile.flush()
            self.server.ended.wait()
        elif weights and repository == "faults/cut":
            self.wfile.write(content[start : start + 2_000_000])
            self.close_connection = True
        else:
            self.wfile.write(content[start:])

    def _endless(self, content):
        self._start(200, {"Connection": "close"})
        self.close_connection = True
        while not self.server.ended.is_set() and self.server.sent < 100 * len(content):
            self.server.sent += len(content)
            self.wfile.write(content)

    def _json(self, value):
        content = json.dumps(value).encode()
        self._start(200, {"Content-Type": "application/json", "Content-Length": str(len(content))})
        if self.command == "GET":
            self.wfile.write(content)

    def _start(self, status, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


def _changed(repository, name, content):
    if repository == "faults/changed" and name == WEIGHTS:
        return content[::-1]
    if repository == "faults/shorter" and name == WEIGHTS:
        return content[:-1000]
    return content.replace(b"4", b"5") if repository == "faults/small" and name == "config.json" else content


def _sha1(text):
    return hashlib.sha1(text.encode()).hexdigest()


if __name__ == "__main__":
    hub = Hub(sys.argv[1])
    print(hub.url, flush=True)
    sys.stdin.read()
