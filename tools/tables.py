"""Writes the tables of the READMEs that are made from code or from measured figures: `python -m tools.tables`.

A table stands between two comments, `<!-- table: NAME -->` and `<!-- end -->`. With `--check` nothing is written; the
exit code is 1 where a table is not as it would be written. Figures are those of tools/measured.toml.
"""

import argparse
import itertools
import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from posestream.engines.skeletons import COCO17, SKELETONS
from posestream.engines.spec import ModelSpec, Role
from posestream.engines.zoo.catalogue import FETCHED
from posestream.engines.zoo.literature import SPECS
from posestream.stream.cli.main import EXIT_CODES
from posestream.stream.ipc.ledger import DROP_REASONS

REPOSITORY = Path(__file__).parents[1]
READMES = ("README.md", "engines/README.md", "stream/README.md", "tools/README.md")
MEASURED = tomllib.loads((REPOSITORY / "tools/measured.toml").read_text(encoding="utf-8"))
MARKED = re.compile(r"<!-- table: ([\w-]+) -->\n(.*?)<!-- end -->", re.DOTALL)
SEES = {
    Role.TOP_DOWN: "one person a crop",
    Role.BOTTOM_UP: "everybody in the frame",
    Role.ONE_STAGE: "everybody in the frame",
    Role.DETECTOR: "finds people",
}

ROWS = 5  # of the table of joints
Row = Sequence[str]


def table(heads: Row, rows: Iterable[Row]) -> str:
    """A Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(cell or '–' for cell in line)} |\n" for line in lines)


def measured(name: str) -> str:
    """A table of figures that were measured."""
    return table(MEASURED[name]["heads"], MEASURED[name]["rows"])


def joints() -> str:
    """Names and indices of COCO's joints, in four columns."""
    cells = [f"{i} {joint}" for i, joint in enumerate(COCO17.joints)]
    columns = [cells[first : first + ROWS] for first in range(0, len(cells), ROWS)]
    heads = [f"{first} to {min(first + ROWS, len(cells)) - 1}" for first in range(0, len(cells), ROWS)]
    return table(heads, itertools.zip_longest(*columns, fillvalue=" "))


def drops() -> str:
    """Why frames are dropped."""
    return table(["a frame is dropped as", "because"], [[f"`{name}`", why] for name, why in DROP_REASONS.items()])


def exit_codes() -> str:
    """What the command's exit codes mean."""
    rows = re.findall(r"^ *(\d+)  (.+)$", EXIT_CODES, re.MULTILINE)
    return table(["exit code", "meaning"], rows)


def skeletons() -> str:
    """The joint tables that messages name."""
    rows = [[f"`{name}`", str(len(skeleton)), ", ".join(skeleton.joints)] for name, skeleton in SKELETONS.items()]
    return table(["skeleton", "joints", "in their order"], rows)


def fetched() -> str:
    """The models whose weights anybody can have."""
    rows = [[f"`{spec.name}`", SEES[spec.role], _input(spec), spec.licence] for spec in FETCHED]
    return table(["model", "sees", "input", "licence of its weights"], rows)


def literature() -> str:
    """The networks of the literature, by year."""
    heads = ["year", "model", "idea", "parameters", "multiply-adds", "published", "what runs here"]
    return table(heads, [_network(spec) for spec in SPECS])


def _network(spec: ModelSpec) -> Row:
    assert spec.publication is not None, f"{spec.name} was published nowhere"
    published = spec.publication
    return [
        str(published.year),
        f"`{spec.name}`",
        published.idea,
        f"{published.parameters / 1e6:.2f} M",
        f"{published.macs / 1e9:.2f} G",
        published.score,
        f"{SEES[spec.role]}, {_input(spec)}, {len(SKELETONS[spec.skeleton or ''])} joints",
    ]


def _input(spec: ModelSpec) -> str:
    return f"{spec.input.size_hw[1]}x{spec.input.size_hw[0]}" if spec.input.size_hw else f"{spec.input.side_px} px"


TABLES: Mapping[str, Callable[[], str]] = {
    "joints": joints,
    "drops": drops,
    "exit-codes": exit_codes,
    "skeletons": skeletons,
    "fetched": fetched,
    "literature": literature,
    **{name: lambda name=name: measured(name) for name in MEASURED},  # type: ignore[misc]
}


def written(text: str) -> str:
    """The text with its tables as they should be. Raises KeyError for a table that there is not."""
    return MARKED.sub(lambda found: f"<!-- table: {found[1]} -->\n{TABLES[found[1]]()}<!-- end -->", text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the tables, or with `--check` only compares them; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.tables", description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 where a table is out of date")
    check = parser.parse_args(arguments).check
    stale = []
    for name in READMES:
        path = REPOSITORY / name
        before = path.read_text(encoding="utf-8")
        if (after := written(before)) != before:
            stale.append(name)
            if not check:
                path.write_text(after, encoding="utf-8")
    if stale:
        print(f"{'out of date' if check else 'written'}: {', '.join(stale)}")
    return int(bool(stale) and check)


if __name__ == "__main__":
    sys.exit(main())
