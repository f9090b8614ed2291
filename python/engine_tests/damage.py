"""Damaged copies of a model folder, from a seed: none may crash or hang a worker, none may be taken for the model.

A damage either shows (the load must fail with a typed error) or does not change what the model computes (it may load,
and then its logits are those of the undamaged model). What only a config states, such as a norm's epsilon, is true by
definition, so no damage touches it.
"""

import base64
import faulthandler
import json
import os
import random
import shutil
import tempfile
from pathlib import Path

import numpy

from engine_tests.harness import MODEL, Call, generate, load, run
from engine_tests.tolerance import tolerance
from mlx4j_worker.errors import WorkerError

CASES = 500 if os.environ.get("MLX4J_FUZZ") == "full" else 50
SEED = int(os.environ.get("MLX4J_FUZZ_SEED", "20261121"))
HANG_SECONDS = 120  # of one case, before every thread's stack is written and the tests end
TOKENS = [5, 300, 17, 900, 41, 2, 77, 512]

# What a model is made of: a change of one of these has to show in the weights' shapes or names.
_SHAPES = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads")
_SHAPES += ("head_dim", "vocab_size", "model_type")
_WRONG = (0, -1, 1, 7, 10**6, 2**70, 1.5, "192", None, True, [], {}, [192])
_JSON = ("config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json")
_MARKS = (b"", b"\x00", b"null", b"[]", b"{}", b"7", b'"text"', b"{", b"\xff\xfe", b"[" * 100_000, b'{"a": NaN}')


class Weights:
    """A safetensors file in parts, to be written again with something wrong."""

    def __init__(self, path):
        data = Path(path).read_bytes()
        length = int.from_bytes(data[:8], "little")
        self.header, self.data = json.loads(data[8 : 8 + length]), data[8 + length :]

    @property
    def names(self):
        return [name for name in self.header if name != "__metadata__"]

    def without(self, *names):
        """The same without some tensors, their bytes included."""
        return self.only(*(name for name in self.names if name not in names))

    def only(self, *names):
        """Some of the tensors."""
        header, data = {}, b""
        for name in names:
            entry = self.header[name]
            begin, end = entry["data_offsets"]
            header[name] = {**entry, "data_offsets": [len(data), len(data) + end - begin]}
            data += self.data[begin:end]
        self.header, self.data = header, data
        return self

    def write(self, path):
        text = json.dumps(self.header).encode()
        Path(path).write_bytes(len(text).to_bytes(8, "little") + text + self.data)


def damage(folder, rng):
    """Damages the model in a folder in one way; returns what it did."""
    return rng.choice([_file, _bytes, _header, _tensor, _config, _json, _shards, _link])(Path(folder), rng)


def _file(folder, rng):
    """A file that is gone, empty or something else."""
    path = folder / rng.choice([*_JSON, "model.safetensors", "chat_template.jinja"])
    way = rng.choice(["gone", "empty", "a folder", "text", "a pipe"])
    path.unlink()
    if way == "empty":
        path.touch()
    elif way == "a folder":
        path.mkdir()
    elif way == "text":
        path.write_text("<html>404: not found</html>" * 20)
    elif way == "a pipe":
        os.mkfifo(path)
    return f"{path.name} is {way}"


def _bytes(folder, rng):
    """Weights that end early, go on, or whose length or header has another byte."""
    path = folder / "model.safetensors"
    data = bytearray(path.read_bytes())
    way = rng.choice(["cut", "longer", "length", "header"])
    if way == "cut":
        del data[rng.choice([rng.randrange(20), rng.randrange(len(data)), len(data) - 1]) :]
    elif way == "longer":
        data += bytes(rng.randrange(1, 5000))
    elif way == "length":
        data[rng.randrange(8)] ^= 1 << rng.randrange(8)
    else:
        length = int.from_bytes(data[:8], "little")
        data[8 + rng.randrange(length)] ^= 1 << rng.randrange(7)
    path.write_bytes(data)
    return f"weights: {way}"


def _header(folder, rng):
    """A header that tells a tensor's shape, type or place wrong."""
    weights = Weights(folder / "model.safetensors")
    name = rng.choice(weights.names)
    entry = weights.header[name]
    field = rng.choice(["shape", "dtype", "data_offsets"])
    if field == "shape":
        entry["shape"] = rng.choice([[*entry["shape"], 1], [*entry["shape"][::-1], 2], [], [0], [-1, 4], ["4"], None])
    elif field == "dtype":
        entry["dtype"] = rng.choice(["F16", "F64", "I32", "U8", "F7", "", None, 3])
    else:
        begin, end = entry["data_offsets"]
        moved = [[begin + 4, end + 4], [begin, end - 4], [end, begin], [0, 0], [begin], [2**62, 2**63], ["0", "1"]]
        entry["data_offsets"] = rng.choice(moved)
    weights.write(folder / "model.safetensors")
    return f"header: {field} of {name} is {entry[field]}"


def _tensor(folder, rng):
    """A file that is whole, but has a tensor less, more, or under another name or shape."""
    weights = Weights(folder / "model.safetensors")
    name = rng.choice(weights.names)
    entry = weights.header[name]
    way = rng.choice(["gone", "renamed", "one more", "flat", "swapped"])
    if way == "gone":
        weights.without(name)
    elif way == "renamed":
        weights.header = {f"{one}_" if one == name else one: value for one, value in weights.header.items()}
    elif way == "one more":
        at = len(weights.data)
        weights.header["model.layers.99.oops"] = {"dtype": "F32", "shape": [2], "data_offsets": [at, at + 8]}
        weights.data += bytes(8)
    elif way == "flat":
        size = 1
        for n in entry["shape"]:
            size *= n
        entry["shape"] = [1, size]
    else:
        other = rng.choice([one for one in weights.names if weights.header[one]["shape"] != entry["shape"]])
        weights.header[name], weights.header[other] = weights.header[other], weights.header[name]
    weights.write(folder / "model.safetensors")
    return f"tensor {name}: {way}"


def _config(folder, rng):
    """A config that lies about shapes."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    key = rng.choice(_SHAPES)
    types = ("gpt2", "mistral3", "no-such-type", "../llama", "", "mamba", "bert", "t5")
    if rng.random() < 0.1:
        del config[key]
    else:
        config[key] = rng.choice([w for w in (types if key == "model_type" else _WRONG) if w != config[key]])
    path.write_text(json.dumps(config))
    return f"config: {key} is {config.get(key, 'gone')!r}"


def _json(folder, rng):
    """A JSON file that is cut, not JSON, or not what it should be."""
    path = folder / rng.choice(_JSON)
    data = path.read_bytes()
    data = data[: rng.randrange(len(data))] if rng.random() < 0.5 else rng.choice(_MARKS)
    path.write_bytes(data)
    return f"{path.name} is {data[:40]!r}, {len(data)} bytes"


def _shards(folder, rng):
    """Two shards and an index, of which one thing is wrong, or (one time in six) nothing."""
    weights = folder / "model.safetensors"
    names = Weights(weights).names
    cut = rng.randrange(1, len(names))
    files = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    for file, part in zip(files, (names[:cut], names[cut:]), strict=True):
        Weights(weights).only(*part).write(folder / file)
    places = {name: files[at >= cut] for at, name in enumerate(names)}
    way = rng.choice(["right", "no shard", "other file", "outside", "more", "less", "no map", "both"])
    if way != "both":
        weights.unlink()
    name = rng.choice(names)
    if way == "no shard":
        (folder / rng.choice(files)).unlink()
    elif way == "other file":
        places[name] = files[places[name] == files[0]]
    elif way == "outside":
        places[name] = rng.choice(["../model.safetensors", "/etc/passwd", "weights.bin", "", None, 7])
    elif way == "more":
        places["model.more"] = files[0]
    elif way == "less":
        del places[name]
    index = {"metadata": {}, "weight_map": places} if way != "no map" else rng.choice([{}, [], {"weight_map": []}])
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return f"shards: {way}"


def _link(folder, rng):
    """A link out of the folder, to nowhere, or to itself."""
    path = folder / rng.choice([*_JSON, "model.safetensors", "more.json"])
    path.unlink(missing_ok=True)
    target = rng.choice(["/etc/passwd", "../outside", "nowhere", path.name, "/dev/zero", ".."])
    path.symlink_to(target)
    return f"{path.name} -> {target}"


class DamageContract:
    """Mixed into a unittest.TestCase with ``load_engine``, an engine's load function as harness.judged gives it."""

    load_engine = None

    def test_damaged_folders_are_refused_or_harmless(self):
        reference = self.logits(load(self.load_engine))
        refused = loaded = 0
        for case in range(CASES):
            with self.subTest(case=case, seed=SEED), tempfile.TemporaryDirectory() as root:
                folder = Path(shutil.copytree(MODEL, Path(root) / "model"))
                what = damage(folder, random.Random(f"{SEED}/{case}"))
                before = _snapshot(folder)
                faulthandler.dump_traceback_later(HANG_SECONDS, exit=True)
                try:
                    engine = load(self.load_engine, folder)
                except WorkerError as error:
                    refused += 1
                    self.assertTrue(str(error), what)
                except Exception as error:
                    raise AssertionError(f"{what}: untyped {type(error).__name__}: {error}") from error
                else:
                    loaded += 1
                    difference = numpy.abs(self.logits(engine) - reference).max()
                    self.assertLess(difference, tolerance(1e-3), what)
                finally:
                    faulthandler.cancel_dump_traceback_later()
                self.assertEqual(before, _snapshot(folder), f"{what}: the folder was written to")
        self.assertGreater(refused, CASES / 2)
        self.assertGreater(loaded, 0)
        print(f"damaged folders: seed {SEED}, {CASES} cases, {refused} refused, {loaded} loaded as they were")
        engine = load(self.load_engine)
        numpy.testing.assert_allclose(self.logits(engine), reference, atol=tolerance(1e-6))
        self.assertTrue(generate(engine, "Say 'Hello World'").text)

    @staticmethod
    def logits(engine):
        call = Call()
        engine.logits(call, TOKENS)
        run(engine)
        if call.error:
            raise call.error
        places = call.sent("positionLogits")
        return numpy.array([numpy.frombuffer(base64.b64decode(place["values"]), "<f4") for place in places])


def _snapshot(folder):
    """Names, times and sizes of all that is in a folder."""
    return {str(p.relative_to(folder)): (s := p.lstat()).st_mtime_ns + s.st_size for p in sorted(folder.rglob("*"))}
