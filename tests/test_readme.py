"""What the README says of networks is what the catalogue knows."""

from pathlib import Path

from posestream.engines.skeletons import SKELETONS
from posestream.engines.spec import ModelSpec, Role
from posestream.engines.zoo.literature import SPECS

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")

KINDS = {Role.TOP_DOWN: "one person a crop", Role.BOTTOM_UP: "everybody in the frame"}


def row(spec: ModelSpec) -> str:
    """The model's line in the table of networks."""
    assert spec.publication is not None
    published = spec.publication
    size = f"{spec.input.size_hw[1]}x{spec.input.size_hw[0]}" if spec.input.size_hw else f"{spec.input.side_px} px"
    joints = len(SKELETONS[spec.skeleton or ""])
    cells = (
        str(published.year),
        f"`{spec.name}`",
        published.idea,
        f"{published.parameters / 1e6:.2f} M",
        f"{published.macs / 1e9:.2f} G",
        published.score or "–",
        f"{KINDS[spec.role]}, {size}, {joints} joints",
    )
    return f"| {' | '.join(cells)} |"


def test_every_network_of_the_literature_has_its_line_in_the_readme() -> None:
    missing = [row(spec) for spec in SPECS if row(spec) not in README]
    assert not missing, "put these lines into the table of networks:\n" + "\n".join(missing)


def test_the_readme_names_no_network_twice() -> None:
    assert all(README.count(f"| `{spec.name}` |") == 1 for spec in SPECS)
