"""The tree against the test vectors of RFC 6962's reference implementation, and properties."""

from hypothesis import given
from hypothesis import strategies as st

from dateline.wire.merkle import (
    EMPTY_ROOT,
    check_consistency,
    check_inclusion,
    grow,
    hash_leaf,
    prove_consistency,
    prove_inclusion,
    range_root,
    root_of,
    root_of_leaves,
)

# The eight leaves and their heads of certificate-transparency's merkletree tests.
LEAVES = [
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
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
# Audit paths of the same tests: (leaf counted from 0, size) and the path's hashes.
PATHS = {
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
}


def reader(leaves: list[bytes]):  # type: ignore[no-untyped-def]
    return lambda level, index: root_of_leaves(leaves[index << level : (index + 1) << level])


def test_the_heads_are_those_of_the_reference() -> None:
    hashes = [hash_leaf(leaf) for leaf in LEAVES]
    frontier: list[bytes] = []
    assert root_of(frontier) == EMPTY_ROOT
    for size, (leaf, wanted) in enumerate(zip(hashes, ROOTS, strict=True)):
        frontier = grow(frontier, size, leaf)
        assert root_of(frontier).hex() == wanted
        assert range_root(0, size + 1, reader(hashes)).hex() == wanted


def test_the_audit_paths_are_those_of_the_reference() -> None:
    hashes = [hash_leaf(leaf) for leaf in LEAVES]
    for (index, size), wanted in PATHS.items():
        assert [step.hex() for step in prove_inclusion(index, size, reader(hashes))] == wanted


@given(size=st.integers(1, 70), data=st.data())
def test_every_proof_holds_and_no_other_does(size: int, data: st.DataObject) -> None:
    leaves = [hash_leaf(str(number).encode()) for number in range(size)]
    node, root = reader(leaves), root_of_leaves(leaves)
    index = data.draw(st.integers(0, size - 1))
    path = prove_inclusion(index, size, node)
    assert check_inclusion(index, size, leaves[index], path, root)
    assert not check_inclusion(index, size, hash_leaf(b"forged"), path, root)
    assert not check_inclusion(index, size, leaves[index], [*path, root], root)
    old = data.draw(st.integers(1, size))
    old_root = root_of_leaves(leaves[:old])
    proof = prove_consistency(old, size, node)
    assert check_consistency(old, size, old_root, root, proof)
    assert not check_consistency(old, size, hash_leaf(b"forged"), root, proof)
