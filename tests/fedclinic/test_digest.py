"""Equal values have equal bytes and digests; what JSON cannot say is refused."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedclinic.digest import canonical_json, digest_bytes, digest_chunks, digest_record
from fedclinic.records import Name, Record

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


def test_the_canonical_encoding_is_what_the_documents_promise():
    assert canonical_json({"b": [1, 2.5], "a": "ä"}) == '{"a":"ä","b":[1,2.5]}'.encode()


@given(st.dictionaries(st.text(max_size=5), json_values, max_size=4))
def test_the_order_of_fields_changes_nothing(value):
    turned = dict(reversed(value.items()))
    assert canonical_json(value) == canonical_json(turned)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_json_cannot_express_are_refused(value):
    with pytest.raises(ValueError, match="JSON"):
        canonical_json({"x": [value]})


@given(st.binary(), st.integers(1, 7))
def test_content_in_pieces_has_the_digest_of_the_whole(content, size):
    pieces = [content[start : start + size] for start in range(0, len(content), size)]
    expected = "sha256:" + hashlib.sha256(content).hexdigest()
    assert digest_bytes(content) == digest_chunks(pieces) == expected


class Visit(Record):
    ward: Name
    days: int = 1


def test_a_record_is_digested_by_its_canonical_json_defaults_included():
    assert digest_record(Visit(ward="icu")) == digest_bytes(b'{"days":1,"ward":"icu"}')
