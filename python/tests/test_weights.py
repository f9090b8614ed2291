"""The header of a safetensors file is read, and one that is not whole is refused, whatever is wrong with it."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import safetensors
from mlx4j_worker.errors import ModelLoadFailed, WorkerError
from mlx4j_worker.models.safetensors import MAX_HEADER_BYTES, read_header, same_bytes

WHOLE = safetensors({"a": [2, 3], "b": [4], "empty": [0, 5], "scalar": []}, {"format": "pt"})


@pytest.fixture
def file(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (b"1234567890", True),
        (b"1234567891", False),  # in the last chunk
        (b"x234567890", False),
    ],
)
def test_tensors_are_compared_by_their_data(tmp_path, monkeypatch, other, same):
    monkeypatch.setattr("mlx4j_worker.models.safetensors._CHUNK", 4)
    paths = []
    for index, data in enumerate((b"1234567890", other)):
        names = {"before": entry("U8", [index], [0, index]), "a": entry("U8", [10], [index, index + 10])}
        paths.append(tmp_path / f"{index}.safetensors")
        paths[-1].write_bytes(with_header(names, bytes(index) + data))
    one, another = ((path, read_header(path)["a"]) for path in paths)
    assert same_bytes(one, another) is same


def test_tensors_of_another_shape_or_dtype_are_not_the_same(file):
    file.write_bytes(WHOLE)
    tensors = read_header(file)
    assert same_bytes((file, tensors["a"]), (file, tensors["a"]))
    assert not same_bytes((file, tensors["b"]), (file, tensors["scalar"]))


def with_header(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def entry(dtype="F32", shape=(1,), offsets=(0, 4)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def test_a_whole_file(file):
    file.write_bytes(WHOLE)
    tensors = read_header(file)
    assert {name: (tensor.dtype, tensor.shape, tensor.size) for name, tensor in tensors.items()} == {
        "a": ("F32", (2, 3), 24),
        "b": ("F32", (4,), 16),
        "empty": ("F32", (0, 5), 0),
        "scalar": ("F32", (), 4),
    }


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 50, len(WHOLE) - 1])
def test_every_cut_is_refused(file, length):
    file.write_bytes(WHOLE[:length])
    with pytest.raises(ModelLoadFailed, match="is damaged") as refused:
        read_header(file)
    assert refused.value.hint


def test_bytes_in_excess_are_refused(file):
    file.write_bytes(WHOLE + b"x")
    with pytest.raises(ModelLoadFailed, match="its tensors take 44 bytes, but the file holds 45"):
        read_header(file)


def test_a_file_that_is_not_there_or_a_folder(file, tmp_path):
    for path in (file, tmp_path):
        with pytest.raises(ModelLoadFailed, match="can't be read"):
            read_header(path)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ((MAX_HEADER_BYTES + 1).to_bytes(8, "little"), "its header would take"),
        (b"\xff" * 8, "its header would take"),
        (with_header(b"{oops"), ""),
        (with_header(b"\xff\xfe"), ""),
        (with_header(b"[" * 100_000), ""),
        (with_header([]), "no JSON object"),
        (with_header({"a": 7}), "an invalid entry for 'a'"),
        (with_header({"a": {"dtype": "F32"}}, bytes(4)), "an invalid entry for 'a'"),
        (with_header({"a": entry(dtype=7)}, bytes(4)), "an invalid entry"),
        (with_header({"a": entry(shape=["1"])}, bytes(4)), "an invalid entry"),
        (with_header({"a": entry(shape=[True])}, bytes(4)), "an invalid entry"),
        (with_header({"a": entry(shape=[-1])}, bytes(4)), "an invalid entry"),
        (with_header({"a": entry(offsets=[0])}, bytes(4)), "an invalid entry"),
        (with_header({"a": entry(offsets=[0, 2**70])}, bytes(4)), "an invalid entry"),
        (with_header({"a": entry(offsets=[4, 0])}, bytes(4)), "takes bytes 4 to 0"),
        (with_header({"a": entry(shape=[2])}, bytes(4)), "takes bytes 0 to 4"),
        (with_header({"a": entry(shape=[2**40, 2**40])}, bytes(4)), "takes bytes 0 to 4"),
        (with_header({"a": entry(offsets=[4, 8])}, bytes(8)), "begins at byte 4 of the data, not at 0"),
        (with_header({"a": entry(), "b": entry()}, bytes(4)), "begins at byte 0 of the data, not at 4"),
        (with_header(b'{"a": {}, "a": {}}'), "a name twice"),
    ],
)
def test_headers_that_say_nonsense(file, content, why):
    file.write_bytes(content)
    with pytest.raises(ModelLoadFailed, match=f"is damaged: .*{why}"):
        read_header(file)


def test_a_dtype_that_is_not_known_yet(file):
    file.write_bytes(with_header({"a": entry(dtype="F4", shape=[8])}, bytes(4)))
    assert read_header(file)["a"].size == 4


SAME_FILE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def reads_or_refuses(file, content):
    file.write_bytes(content)
    try:
        tensors = read_header(file)
    except WorkerError as error:
        assert error.kind == "model_load_failed"
    else:
        assert sum(tensor.size for tensor in tensors.values()) <= len(content)


@SAME_FILE
@given(st.integers(0, len(WHOLE) - 1), st.binary(max_size=8), st.integers(0, 8))
def test_any_change_of_bytes_is_read_or_refused(file, at, new, removed):
    reads_or_refuses(file, WHOLE[:at] + new + WHOLE[at + removed :])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)
FIELDS = st.fixed_dictionaries(
    {}, optional={"dtype": JSON | st.just("F32"), "shape": JSON | st.just([1]), "data_offsets": JSON | st.just([0, 4])}
)


@SAME_FILE
@given(st.dictionaries(st.text(max_size=5), FIELDS | JSON, max_size=3) | JSON, st.integers(0, 8))
def test_any_header_is_read_or_refused(file, header, data_bytes):
    reads_or_refuses(file, with_header(header, bytes(data_bytes)))


@pytest.mark.parametrize("entry", [{"dtype": "F4x", "shape": [1]}, {"dtype": "F32", "shape": [1] * 17}])
def test_types_and_shapes_that_nobody_has_are_refused(tmp_path, entry):
    header = json.dumps({"a": {**entry, "data_offsets": [0, 4]}}).encode()
    (tmp_path / "a.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises(ModelLoadFailed, match="is damaged"):
        read_header(tmp_path / "a.safetensors")
