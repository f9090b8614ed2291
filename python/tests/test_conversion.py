"""A conversion is taken as it is meant, or refused by the name of what is wrong."""

from pathlib import Path

import pytest

from mlx4j_worker.errors import InvalidRequest
from mlx4j_worker.requests.conversion import Conversion, Quantization, parse_convert, parse_fuse
from mlx4j_worker.requests.options import Options

MODEL = {"protocol": {"major": 1}, "model": {"source": "m"}, "folder": "/models/new"}
NEW = Path("/models/new")


def convert(**options):
    return parse_convert({**MODEL, "options": options})


def test_without_options_everything_stays():
    assert parse_convert(MODEL) == Conversion(NEW)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"bits": 8}, Quantization(8, 64, "affine")),
        ({"bits": 3, "groupSize": 128}, Quantization(3, 128, "affine")),
        ({"mode": "affine"}, Quantization(4, 64, "affine")),
        ({"mode": "mxfp4"}, Quantization(4, 32, "mxfp4")),
        ({"mode": "mxfp8", "bits": 8, "groupSize": 32}, Quantization(8, 32, "mxfp8")),
        ({"mode": "nvfp4"}, Quantization(4, 16, "nvfp4")),
        ({"recipe": "mixed_3_6"}, Quantization(3, 64, "affine", "mixed_3_6")),
        ({"recipe": "mixed_2_6", "groupSize": 32, "mode": "affine"}, Quantization(2, 32, "affine", "mixed_2_6")),
    ],
)
def test_what_is_left_out_is_as_the_mode_has_it(options, expected):
    assert convert(**options).quantization == expected


def test_a_type_goes_with_everything():
    assert convert(dtype="float16", dequantize=True) == Conversion(NEW, dtype="float16", dequantize=True)
    assert convert(dtype="bfloat16", bits=4).dtype == "bfloat16"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"bits": 7}, "bits is 7"),
        ({"bits": True}, "bits"),
        ({"bits": "4"}, "bits"),
        ({"bits": 8, "mode": "mxfp4"}, "bits is 8.*mxfp4 has 4"),
        ({"bits": 4, "groupSize": 16}, "groupSize is 16.*32, 64, 128"),
        ({"mode": "nvfp4", "groupSize": 64}, "groupSize is 64"),
        ({"groupSize": 64}, "groupSize has no effect"),
        ({"mode": "int4"}, "mode"),
        ({"recipe": "mixed_1_2"}, "recipe"),
        ({"recipe": "mixed_2_6", "bits": 4}, "recipe can't be combined with bits"),
        ({"recipe": "mixed_2_6", "mode": "mxfp4"}, "recipe can't be combined with mode mxfp4"),
        ({"dequantize": True, "bits": 4}, "dequantize"),
        ({"dtype": "int8"}, "dtype"),
        ({"dtype": ""}, "dtype is empty"),
        ({"adapter": "/a"}, "options.adapter"),
    ],
)
def test_what_can_t_be_is_refused_by_name(options, named):
    with pytest.raises(InvalidRequest, match=named):
        convert(**options)


@pytest.mark.parametrize("folder", [None, "", "new", "./new", 4])
def test_the_folder_must_be_an_absolute_path(folder):
    with pytest.raises(InvalidRequest, match="folder"):
        parse_convert({**MODEL, "folder": folder})


@pytest.mark.parametrize("model", [None, "m", {}, {"source": 3}])
def test_a_model_is_needed(model):
    with pytest.raises(InvalidRequest, match="model"):
        parse_fuse({**MODEL, "model": model})


def test_a_fusion_says_what_to_load():
    found = parse_fuse({**MODEL, "options": {"adapter": "/a", "base": "b", "dequantize": True}})
    assert found == Conversion(NEW, Options(adapter="/a", base="b"), dequantize=True, fuse=True)


@pytest.mark.parametrize("options", [{"bits": 4}, {"dtype": "float16"}, {"expert": ""}, {"adapter": 3}])
def test_a_fusion_takes_nothing_else(options):
    with pytest.raises(InvalidRequest, match=next(iter(options))):
        parse_fuse({**MODEL, "options": options})
