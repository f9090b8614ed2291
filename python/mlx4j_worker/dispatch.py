"""The worker's main loop: one thread reads the wire, others prepare calls, the main thread runs the engine."""

import faulthandler
import logging
import os
import platform
import queue
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from mlx4j_worker import PROTOCOL, VERSION, failures, memory
from mlx4j_worker.call import Call
from mlx4j_worker.engine.preparation import LOOK_SECONDS, Preparation, Preparer
from mlx4j_worker.errors import (
    Cancelled,
    Internal,
    InvalidRequest,
    NotReady,
    ProtocolVersion,
    UnknownMethod,
    WorkerError,
)
from mlx4j_worker.failures import DeviceFailed, Exit
from mlx4j_worker.models import hub
from mlx4j_worker.models.source import NotDownloaded
from mlx4j_worker.requests.generate import parse_generate
from mlx4j_worker.requests.hub import parse_hub
from mlx4j_worker.requests.options import parse_options
from mlx4j_worker.requests.prompt import parse_logits, parse_prompt, parse_score
from mlx4j_worker.requests.texts import parse_embed, parse_rerank, parse_texts
from mlx4j_worker.wire import MAX_LINE_BYTES, Overlong, call_id, parse

EXIT_ENGINE_DEAD = 70
EXIT_RANK_LOST = 71
EXIT_GRACE_SECONDS = 0.5  # for the engine to return once nobody is heard any more
RELEASE_SECONDS = 0.9  # for it to give its memory back; both together within the watchdog's grace
SWITCH_SECONDS = 0.0005  # for how long Python code on another thread may delay the engine's; the default is 0.005

_OF_TRAINING = (
    *("trainStep", "accumulate", "applyGradients", "validate", "gradients"),
    *("saveCheckpoint", "loadCheckpoint", "saveAdapter", "saveModel"),
)

_MEMORY_HINT = "Use a smaller or quantized model, or close other programs."

_log = logging.getLogger("mlx4j")


class Worker:
    """Serves one engine, or one training, or follows the worker whose rank it is.

    ``load(params, options, progress)`` imports the heavy packages and returns the engine.
    ``open_training(params, progress)`` returns the training.session.Session, and ``follow()`` the
    mlx.ranks.follower.Follower. ``jobs`` are methods of a worker without a model: each takes its Call and a function
    that reports that the job is still running, and returns the result. ``release()`` frees the engine's memory before
    the process ends. ``held`` is what the sandbox enforces, as reported in ``hello``.
    """

    def __init__(
        self,
        kind: str,
        wire: Any,
        nonce: str,
        held: dict[Any, Any],
        load: Any,
        open_training: Any = None,
        jobs: Any = None,
        follow: Any = None,
        release: Any = None,
    ) -> None:
        self._kind = kind
        self._wire = wire
        self._nonce = nonce
        self._held = held
        self._load = load
        self._open_training = open_training
        self._make_follower = follow
        self._release = release
        self._releasing = False
        self._engine: Any = None  # or, with openTraining, a Session
        self._trains = self._follows = False
        self._state = "new"
        self._moved = time.monotonic()
        self._born = time.monotonic()
        self._inbox: queue.SimpleQueue[Call | Preparation | Exit] = queue.SimpleQueue()
        self._preparer = Preparer(self._inbox.put)
        self._ready: deque[Preparation] = deque()
        self._open: dict[str, Call] = {}  # by their ids, the calls without an answer yet
        self._ending = False
        self._handlers: dict[str, Callable[[Call], None]] = {
            "initialize": self._initialize,
            "generate": partial(self._prepare, _generate),
            "embed": partial(self._prepare, _embed),
            "tokenize": partial(self._prepare, _tokenize),
            "countTokens": partial(self._prepare, _count_tokens),
            "applyTemplate": partial(self._prepare, _apply_template),
            "logits": partial(self._prepare, _logits),
            "score": partial(self._prepare, _score),
            "rerank": partial(self._prepare, _rerank),
            "parameters": self._parameters,
            "classifyActions": partial(self._prepare, _classify_actions),
            "fetchModel": self._fetch_model,
            "modelInfo": self._model_info,
            "removeModel": self._remove_model,
            "shutdown": self._shutdown,
            **{name: partial(self._work, job) for name, job in (jobs or {}).items()},
            "openTraining": self._begin_training,
            **dict.fromkeys(_OF_TRAINING, self._train),
            "follow": self._follow,
            "mirror": self._mirror,
        }

    def run(self) -> int:
        """Serves until the wire ends; returns the process's exit code."""
        code = self._serve()
        if self._release:
            self._release_memory()
        return code

    def _serve(self) -> int:
        try:
            self._wire.notify("hello", self._hello())
            sys.setswitchinterval(SWITCH_SECONDS)
            threading.Thread(target=self._read, name="mlx4j-reader", daemon=True).start()
            while not self._ending:
                busy = self._engine is not None and self._engine.busy
                resting = "new" if self._engine is None else "idle"
                at_work = "training" if self._trains else "generating"
                self._state = at_work if busy else resting
                self._process_inbox(block=not busy)
                if busy:
                    self._engine.step(self._poll)
                    self._moved = time.monotonic()
        except Exit as exit:
            return exit.code
        except BaseException as error:
            with suppress(Exit):
                if isinstance(error, DeviceFailed) and not error.blamed and len(self._open) == 1:
                    error.blame(*self._open.values())  # it was alone, and would fail the next worker too
                _log.critical("the engine thread died", exc_info=True)
            traceback.print_exc()  # the parent shows the end of stderr to whoever waits for an answer
            return EXIT_ENGINE_DEAD
        return 0

    def _release_memory(self) -> None:
        """Drops the engine and releases its memory. The exit waits for no longer than RELEASE_SECONDS."""
        self._releasing = True
        faulthandler.dump_traceback_later(RELEASE_SECONDS, exit=True)  # works while native code holds the GIL too
        try:
            self._engine = None
            self._release()
        except (Exception, Exit):
            traceback.print_exc()
        finally:
            faulthandler.cancel_dump_traceback_later()

    def _hello(self) -> dict[str, Any]:
        return {
            "protocol": PROTOCOL,
            "worker": self._kind,
            "version": VERSION,
            "pid": os.getpid(),
            "python": platform.python_version(),
            "platform": sys.platform,
            "machine": platform.machine(),
            "maxLineBytes": MAX_LINE_BYTES,
            "nonce": self._nonce,
            "sandbox": self._held,
        }

    # --- the reader thread

    def _read(self) -> None:
        code = EXIT_ENGINE_DEAD
        try:
            self._serve_lines()
            code = 0
        except Exit as exit:
            code = exit.code
        except Exception:
            with suppress(Exit):
                _log.critical("the reader thread died", exc_info=True)
        self._inbox.put(Exit(code))
        time.sleep(EXIT_GRACE_SECONDS)
        if self._releasing:
            time.sleep(RELEASE_SECONDS)
        os._exit(code)

    def _serve_lines(self) -> None:
        for line in self._wire.lines():
            try:
                if isinstance(line, Overlong):
                    raise InvalidRequest(f"A line was longer than {MAX_LINE_BYTES} bytes and was dropped.")
                self._receive(parse(line))
            except WorkerError as error:
                found = call_id(line)
                self._wire.send({"id": None if found in self._open else found, "error": error.to_json()})

    def _receive(self, message: dict[str, Any]) -> None:
        method, own_id = message["method"], message.get("id")
        if method == "cancel":
            target = message["params"].get("id")
            call = self._open.get(target) if isinstance(target, str) else None
            if call is not None:
                call.cancelled = True
                self._inbox.put(call)  # wakes an idle engine; a cancelled call is ended where it is found
        elif own_id is None:
            return  # a notification that this worker does not know
        elif own_id in self._open:
            raise InvalidRequest(f"A call with the id {own_id!r} is already open.")
        elif method == "ping":
            self._send_pong(own_id)
        else:
            call = Call(self._wire, message, lambda call: self._open.pop(call.id, None), self._preparer.add)
            self._open[own_id] = call
            self._inbox.put(call)

    def _send_pong(self, own_id: Any) -> None:
        memory = self._memory()
        with self._wire.turn:
            now = time.monotonic()
            engine = {"state": self._state, "open": len(self._open), "lastMovedMs": (now - self._moved) * 1000}
            pong = {"uptimeMs": (now - self._born) * 1000, "engine": engine, "memory": memory}
            self._wire.send({"id": own_id, "result": pong})

    def _memory(self) -> dict[str, Any]:
        engine = self._engine  # the main thread may set it meanwhile
        used = {"activeBytes": None, "peakBytes": None, "cacheBytes": None} if engine is None else engine.memory()
        return {**used, "residentBytes": memory.resident_bytes()}

    # --- the main thread

    def _poll(self) -> None:
        """Accepts what has arrived. An engine whose steps are long calls this between tokens."""
        self._moved = time.monotonic()
        self._process_inbox(block=False)

    def _process_inbox(self, block: bool) -> None:
        """Handles what is in the inbox, then lets one prepared call join the engine."""
        try:
            while True:
                found = self._inbox.get(block and not self._ready, LOOK_SECONDS if self._preparer.busy else None)
                block = False
                self._moved = time.monotonic()
                if isinstance(found, Exit):
                    raise found
                if isinstance(found, Preparation):
                    self._preparer.done(found)
                    self._ready.append(found)
                elif self._open.get(found.id) is found:
                    self._handle(found)
        except queue.Empty:
            self._moved = time.monotonic()
        if self._preparer.busy:
            self._preparer.look()
        self._join_next()

    def _join_next(self) -> None:
        while self._ready:
            prepared = self._ready.popleft()
            if prepared.call.ended:
                continue
            if prepared.error:
                self._fail(prepared.call, prepared.error)
            elif prepared.join:
                try:
                    prepared.join()
                except Exception as error:
                    self._fail(prepared.call, error)
                return

    def _handle(self, call: Call) -> None:
        if call.cancelled and not self._engine_has(call):
            call.fail(Cancelled("The request was cancelled before it began."))
            return
        if call.cancelled:
            return  # the engine ends it at its next step
        try:
            handler = self._handlers.get(call.method)
            if handler is None:
                raise UnknownMethod(f"This worker has no method {call.method!r}.")
            handler(call)
        except NotDownloaded as missing:
            call.answer({"download": missing.asked})
        except Exception as error:
            self._fail(call, error)

    def _fail(self, call: Call, error: BaseException) -> None:
        if not isinstance(error, Exception):
            raise error
        failures.fail(call, error, _MEMORY_HINT, partial(_internal, call))

    def _engine_has(self, call: Call) -> bool:
        return self._engine is not None and self._engine.has(call)

    def _initialize(self, call: Call) -> None:
        self._check_opening(call)
        options = parse_options(call.params)
        self._state = "loading"
        self._engine = self._load(call.params, options, call.progress)
        self._state = "idle"  # before the answer, after which a ping may come
        call.answer(self._engine.describe())

    def _begin_training(self, call: Call) -> None:
        if self._open_training is None:
            raise UnknownMethod(f"A worker of the kind {self._kind!r} can't train.")
        self._check_opening(call)
        self._state = "loading"
        self._engine = self._open_training(call.params, call.progress)
        self._state, self._trains = "idle", True
        call.answer(self._engine.describe())

    def _train(self, call: Call) -> None:
        if not self._trains:
            raise NotReady("This worker has not opened a training run.", "Call openTraining first.")
        self._engine.submit(call)

    def _follow(self, call: Call) -> None:
        if self._make_follower is None:
            raise UnknownMethod(f"A worker of the kind {self._kind!r} can't be a rank of another one.")
        self._check_new(call)
        self._engine, self._follows = self._make_follower(), True
        call.answer(self._engine.describe())

    def _mirror(self, call: Call) -> None:
        if not self._follows:
            raise NotReady("This worker is not a rank yet.", "Call follow first.")
        self._engine.submit(call)

    def _check_new(self, call: Call) -> None:
        if self._engine is not None:
            raise InvalidRequest("This worker already has a model.")
        self._check_protocol(call)

    def _check_protocol(self, call: Call) -> None:
        protocol = call.params.get("protocol")
        major = protocol.get("major") if isinstance(protocol, dict) else None
        if major != PROTOCOL["major"]:
            raise ProtocolVersion(f"This worker speaks protocol {PROTOCOL['major']}, but the caller speaks {major}.")

    def _check_opening(self, call: Call) -> None:
        self._check_new(call)
        model = call.params.get("model")
        if not isinstance(model, dict) or not isinstance(model.get("source"), str):
            raise InvalidRequest("model must be an object with a source, a string.")

    def _work(self, job: Any, call: Call) -> None:
        if self._engine is not None:
            raise InvalidRequest(f"This worker has a model, so it can't {call.method}.", "Use another worker.")
        self._check_protocol(call)
        self._state = "working"
        try:
            result = job(call, self._touch)
        finally:
            self._state = "new"
        call.answer(result)

    def _touch(self) -> None:
        self._moved = time.monotonic()

    def _prepare(self, prepare: Any, call: Call) -> None:
        """Runs ``prepare(engine, call)`` on a preparing thread. It returns the work that is left for this thread."""
        self._preparer.add(call, partial(prepare, self._loaded(), call))

    def _parameters(self, call: Call) -> None:
        call.answer({"parameters": self._loaded().parameters()})

    def _fetch_model(self, call: Call) -> None:
        asked = parse_hub(call.params, ("source", "revision", "hubToken", "stallSeconds", "roomBytes"))

        def poll() -> None:
            self._moved = time.monotonic()
            if call.cancelled:
                raise Cancelled("The download was cancelled; partial files are kept.")

        stall = hub.STALL_SECONDS if asked.stall is None else asked.stall
        folder, facts = hub.fetch(
            asked.source, asked.revision, asked.token, call.progress, asked.room, stall=stall, poll=poll
        )
        call.answer({"folder": str(folder), **facts})

    def _model_info(self, call: Call) -> None:
        asked = parse_hub(call.params, ("source", "revision", "hubToken"))
        call.answer(hub.describe(asked.source, asked.revision, asked.token))

    def _remove_model(self, call: Call) -> None:
        call.answer({"freedBytes": hub.remove(parse_hub(call.params, ("source",)).source)})

    def _loaded(self) -> Any:
        if self._engine is None:
            raise NotReady("The worker has no model yet.", "Call initialize first.")
        if self._trains:
            raise InvalidRequest("This worker is for training and accepts no other calls.", "Start another worker.")
        if self._follows:
            raise InvalidRequest("This worker is a rank of another one.", "Start another worker.")
        return self._engine

    def _shutdown(self, call: Call) -> None:
        self._ending = True
        call.answer({})


# --- the preparing threads; each returns the function with which the call joins the engine, or None once it is answered


def _generate(engine: Any, call: Call) -> Callable[[], None]:
    request = parse_generate(call.params)
    return partial(engine.submit, call, request, engine.prepare(request))


def _embed(engine: Any, call: Call) -> Callable[[], None]:
    return partial(engine.embed, call, engine.encode_texts(parse_embed(call.params)))


def _classify_actions(engine: Any, call: Call) -> Callable[[], None]:
    engine.check_actions()
    return partial(engine.classify_actions, call, engine.encode_actions(parse_texts(call.params)))


def _logits(engine: Any, call: Call) -> Callable[[], None]:
    return partial(engine.logits, call, parse_logits(call.params))


def _score(engine: Any, call: Call) -> Callable[[], None]:
    request, completion = parse_score(call.params)
    return partial(engine.score, call, engine.prompt(request, fits=True).tokens, engine.encode_completion(completion))


def _rerank(engine: Any, call: Call) -> Callable[[], None]:
    return partial(engine.rerank, call, engine.encode_pairs(parse_rerank(call.params)))


def _tokenize(engine: Any, call: Call) -> None:
    call.answer({"tokens": engine.prompt(parse_prompt(call.params, ("messages", "prompt"))).tokens})


def _count_tokens(engine: Any, call: Call) -> None:
    call.answer({"count": len(engine.prompt(parse_prompt(call.params, ("messages", "prompt"))).tokens)})


def _apply_template(engine: Any, call: Call) -> None:
    call.answer({"text": engine.render(parse_prompt(call.params, ("messages",)))})


def _internal(call: Call, error: BaseException) -> Internal:
    _log.error("%s failed", call.method, exc_info=error)
    return Internal(f"{call.method} failed: {type(error).__name__}: {error}")
