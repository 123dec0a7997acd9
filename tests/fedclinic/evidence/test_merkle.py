"""Merkle trees: the vectors of RFC 6962, and every proof of every small tree with its mutations."""

import os

import pytest

from fedclinic.evidence.merkle import (
    consistency_proof,
    hash_leaf,
    inclusion_proof,
    tree_root,
    verify_consistency,
    verify_inclusion,
)

RFC_ENTRIES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
RFC_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LEAVES = [hash_leaf(os.urandom(9)) for _ in range(40)]


def test_the_empty_tree_has_the_hash_of_nothing():
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert tree_root([]).hex() == empty


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_those_of_the_rfc(size):
    leaves = [hash_leaf(entry) for entry in RFC_ENTRIES[:size]]
    assert tree_root(leaves).hex() == RFC_ROOTS[size - 1]


@pytest.mark.parametrize("size", range(1, 41))
def test_every_leaf_is_proved_and_no_other_is(size):
    leaves = LEAVES[:size]
    root = tree_root(leaves)
    for index, leaf in enumerate(leaves):
        proof = inclusion_proof(index, leaves)
        assert verify_inclusion(leaf, proof, index=index, size=size, root=root)
        assert not verify_inclusion(hash_leaf(b"x"), proof, index=index, size=size, root=root)
        assert not verify_inclusion(leaf, proof, index=index, size=size, root=hash_leaf(b"x"))
        other = (index + 1) % size if size > 1 else 1
        assert not verify_inclusion(leaf, proof, index=other, size=size, root=root)
        assert not verify_inclusion(leaf, [*proof, leaf], index=index, size=size, root=root)
        if proof:
            assert not verify_inclusion(leaf, proof[:-1], index=index, size=size, root=root)


@pytest.mark.parametrize("size", range(1, 41))
def test_every_earlier_tree_is_proved_a_prefix_and_no_fork_is(size):
    root = tree_root(LEAVES[:size])
    for old_size in range(1, size + 1):
        old_root = tree_root(LEAVES[:old_size])
        proof = consistency_proof(old_size, LEAVES[:size])
        sizes = {"old_size": old_size, "size": size}
        assert verify_consistency(proof, old_root=old_root, root=root, **sizes)
        fork = tree_root([*LEAVES[: old_size - 1], hash_leaf(b"fork")])
        assert not verify_consistency(proof, old_root=fork, root=root, **sizes)
        assert not verify_consistency(proof, old_root=old_root, root=fork, **sizes)
        if proof:
            assert not verify_consistency(proof[:-1], old_root=old_root, root=root, **sizes)


def test_a_leaf_that_is_not_there_has_no_proof():
    with pytest.raises(IndexError):
        inclusion_proof(3, LEAVES[:3])
    with pytest.raises(IndexError):
        consistency_proof(4, LEAVES[:3])
