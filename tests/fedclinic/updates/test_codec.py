"""The strict safetensors reader: exact on what it takes, and it takes nothing else."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fedclinic.errors import AdmissionError
from fedclinic.updates.codec import UpdateFile, decode, encode, schema_of
from fedclinic.updates.layout import max_file_bytes

SCHEMA = {"a.weight": (4, 3), "b": (5,)}


def make_tensors(seed: int = 0) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    return {
        name: generator.standard_normal(shape).astype(np.float32) for name, shape in SCHEMA.items()
    }


GOOD = encode(make_tensors(), "F32")
HEADER_LENGTH = int.from_bytes(GOOD[:8], "little")
BODY = GOOD[8 + HEADER_LENGTH :]


def with_header(header: object, body: bytes = BODY) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def with_entry(**changes: object) -> bytes:
    header = json.loads(GOOD[8 : 8 + HEADER_LENGTH])
    header["b"].update(changes)
    return with_header(header)


def test_what_is_encoded_decodes_to_the_same_numbers():
    tensors = make_tensors()
    for name, tensor in decode(encode(tensors, "F32"), SCHEMA, "F32").items():
        np.testing.assert_array_equal(tensor, tensors[name])


def test_equal_tensors_give_equal_bytes_in_any_order():
    tensors = make_tensors()
    assert encode(dict(reversed(tensors.items())), "F32") == encode(tensors, "F32")


def test_another_safetensors_reader_agrees():
    for name, tensor in safetensors.numpy.load(GOOD).items():
        np.testing.assert_array_equal(tensor, make_tensors()[name])


def test_another_safetensors_writer_is_understood():
    tensors = make_tensors()
    for name, tensor in decode(safetensors.numpy.save(tensors), SCHEMA, "F32").items():
        np.testing.assert_array_equal(tensor, tensors[name])


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1))
def test_bf16_rounds_as_torch_does(numbers: list[float]):
    array = np.array(numbers, dtype=np.float32)
    expected = torch.from_numpy(array).bfloat16()
    if not expected.isfinite().all():
        with pytest.raises(AdmissionError, match="does not fit BF16"):
            encode({"x": array}, "BF16")
        return
    read = decode(encode({"x": array}, "BF16"), {"x": array.shape}, "BF16")
    np.testing.assert_array_equal(read["x"], expected.float().numpy())


@pytest.mark.parametrize(
    "changes",
    [
        {"data_offsets": [0, 20]},
        {"data_offsets": [48, 69]},
        {"data_offsets": [52, 72]},
        {"data_offsets": [0, 1 << 62]},
        {"data_offsets": [-20, 0]},
        {"data_offsets": [48]},
        {"data_offsets": None},
        {"shape": [5, 1]},
        {"shape": [-5]},
        {"shape": [5.0]},
        {"shape": [True, 5]},
        {"shape": "5"},
        {"dtype": "F64"},
        {"dtype": "BF16"},
        {"extra": 1},
    ],
)
def test_an_entry_that_is_not_the_plans_is_refused(changes: dict[str, object]):
    with pytest.raises(AdmissionError):
        decode(with_entry(**changes), SCHEMA, "F32")


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"\0" * 7,
        struct.pack("<Q", 1 << 60) + b"{}",
        struct.pack("<Q", (1 << 20) + 1) + b" " * ((1 << 20) + 1),
        GOOD + b"x",
        GOOD[:-1],
        safetensors.numpy.save(make_tensors(), metadata={"note": "a name"}),
        encode({**make_tensors(), "../../etc/x": np.zeros(1, np.float32)}, "F32"),
        encode({"b": make_tensors()["b"]}, "F32"),
        with_header(b"[" * 100_000),
        with_header(b'{"a":1,"a":1}'),
        with_header(b'{"b":{"dtype":"F32","dtype":"F32"}}'),
        with_header(b'{"x":NaN}'),
        with_header(b'{"x":' + b"9" * 5000 + b"}"),
        with_header(b"\xff\xfe"),
        with_header([]),
        b"PK\x03\x04" + b"0" * 100,
        b"\x80\x04\x95" + b"0" * 100,
    ],
    ids=range(18),
)
def test_a_file_that_is_not_the_plans_is_refused(blob: bytes):
    with pytest.raises(AdmissionError):
        decode(blob, SCHEMA, "F32")


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_are_not_finite_are_refused_on_both_ways(number: float):
    tensors = make_tensors() | {"b": np.full(5, number, np.float32)}
    with pytest.raises(AdmissionError, match="not finite"):
        encode(tensors, "F32")
    with pytest.raises(AdmissionError, match="not finite"):
        decode(safetensors.numpy.save(tensors), SCHEMA, "F32")


@settings(max_examples=2000, deadline=None)
@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255), st.integers(0, len(GOOD)))
def test_a_damaged_file_is_refused_or_has_the_plans_shapes(place: int, byte: int, cut: int):
    damaged = bytearray(GOOD)
    damaged[place] = byte
    for blob in (bytes(damaged), bytes(damaged[:cut])):
        try:
            tensors = decode(blob, SCHEMA, "F32")
        except AdmissionError:
            continue
        assert schema_of(tensors) == SCHEMA


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=200))
def test_random_bytes_are_refused(blob: bytes):
    with pytest.raises(AdmissionError):
        decode(blob, SCHEMA, "F32")


@pytest.mark.parametrize("dtype", ["F32", "BF16"])
def test_a_file_on_disk_reads_as_from_memory(tmp_path: Path, dtype):
    blob = encode(make_tensors(), dtype)
    (tmp_path / "update").write_bytes(blob)
    with UpdateFile(tmp_path / "update", SCHEMA, dtype) as update:
        assert schema_of(update) == SCHEMA
        for name, tensor in decode(blob, SCHEMA, dtype).items():
            np.testing.assert_array_equal(update[name], tensor)
            part = np.empty(3, np.float32)
            update.read_into(name, 2, part)
            np.testing.assert_array_equal(part, tensor.reshape(-1)[2:5])


def test_a_slice_outside_a_tensor_is_refused(tmp_path: Path):
    (tmp_path / "update").write_bytes(GOOD)
    with UpdateFile(tmp_path / "update", SCHEMA, "F32") as update, pytest.raises(IndexError):
        update.read_into("a.weight", 10, np.empty(3, np.float32))


def test_the_digest_is_of_the_opened_file_even_if_the_path_is_swapped(tmp_path: Path):
    path = tmp_path / "update"
    path.write_bytes(GOOD)
    with UpdateFile(path, SCHEMA, "F32") as update:
        before = update.digest()
        path.unlink()
        path.write_bytes(encode(make_tensors(seed=1), "F32"))
        assert update.digest() == before


def test_a_link_is_not_followed(tmp_path: Path):
    (tmp_path / "update").write_bytes(GOOD)
    (tmp_path / "link").symlink_to(tmp_path / "update")
    with pytest.raises(OSError, match="symbolic links"):
        UpdateFile(tmp_path / "link", SCHEMA, "F32")


def test_no_acceptable_file_is_larger_than_the_upload_limit():
    assert len(GOOD) <= max_file_bytes(SCHEMA, "F32")
