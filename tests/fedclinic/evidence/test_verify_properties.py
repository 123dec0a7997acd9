"""No single character of a bundle can change without being found."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

import fedclinic.evidence.standalone_verifier as standalone
from fedclinic.errors import EvidenceError
from fedclinic.evidence.bundle import read_bundle
from fedclinic.evidence.verify import verify
from tests.fedclinic.evidence.edits_of_bundles import HONEST
from tests.fedclinic.evidence.edits_of_stores import STORE
from tests.fedclinic.evidence.factory import make_trust

TEXT = HONEST.model_copy(update={"snapshots": ()}).model_dump_json()
TRUST = json.loads(make_trust().model_dump_json())


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(TEXT) - 1), st.sampled_from('AZaz09+/=-_"{}[],:\\ \n\u2014é'))
def test_a_changed_character_is_refused_found_or_means_the_same(place, character):
    text = TEXT[:place] + character + TEXT[place + 1 :]
    try:
        bundle = read_bundle(text.encode())
    except EvidenceError:
        return
    if bundle == read_bundle(TEXT.encode()):
        return
    assert verify(bundle, make_trust()) != []
    assert standalone.verify(json.loads(text), TRUST, None) != []


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_changed_text_of_the_store_is_found(data):
    store = json.loads(STORE.model_dump_json())
    run = store["runs"][data.draw(st.sampled_from(sorted(store["runs"])))]
    place = data.draw(st.sampled_from(sorted(leaves(run))))
    *parents, last = place
    for step in parents:
        run = run[step]
    run[last] = data.draw(different(run[last]))
    trust, bundle = json.loads(make_trust().model_dump_json()), json.loads(HONEST.model_dump_json())
    assert standalone.verify(bundle, trust, store) != []
    assert verify(HONEST, make_trust(), STORE.model_validate(store)) != []


def leaves(value, path=()):
    """Paths of all texts and numbers inside a JSON value, but the run's own identifier."""
    if isinstance(value, dict):
        return [leaf for name in value for leaf in leaves(value[name], (*path, name))]
    if isinstance(value, list):
        return [leaf for number, item in enumerate(value) for leaf in leaves(item, (*path, number))]
    return [] if path in {("run_id",)} or path[-1] == "sha256" else [path]


def different(value):
    options = st.integers(0, 10**6) if isinstance(value, int) else st.text(max_size=8)
    return options.filter(lambda other: other != value)
