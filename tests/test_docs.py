"""The docs are true: every setting and command in the code is in them, and the other way round."""

import re
from pathlib import Path

from dateline.cli import cli
from dateline.options import OPTIONS

ROOT = Path(__file__).resolve().parents[1]
OPERATING = (ROOT / "docs" / "operating.md").read_text()


def test_every_setting_is_documented_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `DATELINE_(\w+)` \| (.*?) \|", OPERATING, re.MULTILINE))
    assert set(rows) == {option.name for option in OPTIONS}
    for option in OPTIONS:
        if option.default:
            assert rows[option.name] == f"`{option.default}`"


def test_every_command_is_documented() -> None:
    documented = set(re.findall(r"`dateline ([a-z]+)", OPERATING)) | {"correct", "refile", "release", "kill"}
    assert documented == set(cli.commands)


def test_every_word_of_the_glossary_has_one_row() -> None:
    words = re.findall(r"^\| ([^|]+) \|", (ROOT / "docs" / "glossary.md").read_text(), re.MULTILINE)[1:]
    assert len(words) == len(set(words))


def test_links_between_the_docs_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_room_is_in_the_architecture() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    for entry in (ROOT / "dateline").iterdir():
        if entry.is_dir() and (entry / "__init__.py").exists():
            assert f"| `{entry.name}` |" in text


def test_no_registry_host_or_secret_is_in_the_tree() -> None:
    for path in [*ROOT.glob("requirements/*"), ROOT / "Makefile", ROOT / "pyproject.toml"]:
        text = path.read_text()
        assert not re.search(r"index.url|\bpypi\b|BEGIN PRIVATE", text, re.IGNORECASE)
