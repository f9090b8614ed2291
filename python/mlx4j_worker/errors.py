"""The errors that a worker returns: a JSON-RPC code, a kind, a message and a hint."""

import traceback
from typing import Any

# Characters. An error may quote a request or a model's files, whose length is theirs, but it has to fit into a line.
_MAX_TEXT = 2000
_MAX_DETAIL = 16_000


class WorkerError(Exception):
    """An error for the caller: ``message`` says what happened and why, ``hint`` what to do about it."""

    code = -32603
    kind = "internal"
    retryable = False

    def __init__(self, message: str, hint: str = "", detail: str = "") -> None:
        super().__init__(_shortened(message))
        self.hint = _shortened(hint)
        self.detail = detail[-_MAX_DETAIL:]  # of a traceback, the end says most

    def trace(self, error: Any) -> None:
        """Set the detail to the traceback of an exception, unless there is one."""
        self.detail = self.detail or "".join(traceback.format_exception(error))[-_MAX_DETAIL:]

    @classmethod
    def from_json(cls, error: Any) -> "WorkerError":
        """The error that ``to_json`` made an object of."""
        data = error["data"]
        found = cls(error["message"], data["hint"], data["detail"])
        vars(found).update(code=error["code"], kind=data["kind"], retryable=data["retryable"])
        return found

    def to_json(self) -> dict[str, Any]:
        data = {"kind": self.kind, "retryable": self.retryable, "hint": self.hint, "detail": self.detail}
        return {"code": self.code, "message": str(self), "data": data}


def _shortened(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else text[:_MAX_TEXT] + " …"


class ParseError(WorkerError):
    code, kind = -32700, "parse_error"


class BadMessage(WorkerError):
    code, kind = -32600, "invalid_message"


class UnknownMethod(WorkerError):
    code, kind = -32601, "unknown_method"


class InvalidRequest(WorkerError):
    code, kind = -32602, "invalid_request"


class Internal(WorkerError):
    pass


class Cancelled(WorkerError):
    code, kind = -32800, "cancelled"


class NotReady(WorkerError):
    code, kind, retryable = -32000, "not_ready", True


class ModelLoadFailed(WorkerError):
    code, kind = -32002, "model_load_failed"


class ModelNotFound(WorkerError):
    code, kind = -32002, "model_not_found"


class DownloadFailed(WorkerError):
    code, kind, retryable = -32010, "download_failed", True


class OutOfMemory(WorkerError):
    code, kind, retryable = -32003, "out_of_memory", True


class ContextOverflow(WorkerError):
    code, kind = -32004, "context_overflow"


class UnsafeModel(WorkerError):
    code, kind = -32005, "unsafe_model"


class ConversionFailed(WorkerError):
    code, kind = -32006, "conversion_failed"


class EngineFailed(WorkerError):
    code, kind, retryable = -32007, "engine_failed", True


class ProtocolVersion(WorkerError):
    code, kind = -32008, "protocol_version"


class DependencyMissing(WorkerError):
    code, kind = -32009, "dependency_missing"


class NotSupported(WorkerError):
    code, kind = -32011, "not_supported"


class InvalidAnswer(WorkerError):
    code, kind, retryable = -32012, "invalid_answer", True
