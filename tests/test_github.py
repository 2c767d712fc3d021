"""What is written for GitHub is what the project is: versions of Python, places, ports, forms that load."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from posestream.engines.zoo.catalogue import find
from posestream.stream import config
from posestream.stream.ipc.ledger import DROP_REASONS
from posestream.stream.sinks.sink import SUFFIXES, Sink
from posestream.stream.sources import parse
from posestream.stream.sources.source import Source

REPOSITORY = Path(__file__).parents[1]
GITHUB = REPOSITORY / ".github"
FORMS = sorted(set(GITHUB.glob("ISSUE_TEMPLATE/*.yml")) - {GITHUB / "ISSUE_TEMPLATE/config.yml"})


def text(name: str) -> str:
    return (GITHUB / name).read_text(encoding="utf-8")


def loaded(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


def test_ci_tests_every_python_that_the_package_names_by_the_command_that_people_use() -> None:
    job = loaded(GITHUB / "workflows/ci.yml")["jobs"]["test"]
    classifiers = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["classifiers"]
    named = re.findall(r"Python :: (3\.\d+)", "\n".join(classifiers))
    assert job["strategy"]["matrix"]["python"] == named
    assert [step["run"] for step in job["steps"] if "run" in step] == ["./tools/test"]
    assert (REPOSITORY / ".ci/run").read_text().splitlines()[1:] == ['exec "$(dirname "$0")/../tools/test"']


def test_ci_keeps_what_it_fetched_until_that_changes() -> None:
    steps = loaded(GITHUB / "workflows/ci.yml")["jobs"]["test"]["steps"]
    python, networks = (next(step["with"] for step in steps if name in step.get("uses", "")) for name in PARTS)
    assert python["cache"] == "pip"
    assert list((REPOSITORY / "tools").glob(Path(python["cache-dependency-path"]).name))
    assert networks["path"] == "~/.cache/posestream"
    patterns = re.findall(r"'([^']+)'", networks["key"])
    assert all(list(REPOSITORY.glob(pattern)) for pattern in patterns)
    assert len(patterns) == 2


PARTS = ("setup-python", "actions/cache")


@pytest.mark.parametrize("form", FORMS, ids=lambda path: path.stem)
def test_a_form_asks_for_something_and_has_no_question_twice(form: Path) -> None:
    content = loaded(form)
    questions = [question["id"] for question in content["body"]]
    assert len(questions) == len(set(questions))
    assert any(question.get("validations", {}).get("required") for question in content["body"])
    assert content["name"]
    assert content["description"]


@pytest.mark.parametrize("name", ["bug", "camera"])
def test_who_reports_that_something_fails_is_asked_for_doctor(name: str) -> None:
    body = loaded(GITHUB / f"ISSUE_TEMPLATE/{name}.yml")["body"]
    (doctor,) = [question for question in body if question["id"] == "doctor"]
    assert doctor["attributes"]["label"] == "posestream doctor"
    assert doctor["validations"]["required"]


def test_where_something_belongs_is_said_in_four_lines_by_names_that_are_there() -> None:
    (section,) = re.findall(r"## Where it belongs\n\n(.*?)\n\n##", text("CONTRIBUTING.md"), re.DOTALL)
    drop, sink, camera, network = section.splitlines()
    for line in (drop, sink, camera, network):
        assert line.startswith("* A new ")
        assert line.endswith(".")
        assert ". " not in line
        assert all((REPOSITORY / place).exists() for place in re.findall(r"`((?:stream|engines)/[\w./]+)`", line))
    assert "`DROP_REASONS` of `stream/ipc/ledger.py`" in drop
    assert DROP_REASONS
    assert f"`{Sink.__name__}`" in sink
    assert SUFFIXES
    assert {path.name for path in (REPOSITORY / "stream/sinks").iterdir()} >= {"sink.py", "sink_process.py"}
    assert f"`{Source.__name__}`" in camera
    assert all(hasattr(parse, name) for name in ("parse", "maker"))
    assert f"`{type(find('nanodet')).__name__}`" in network


def test_the_commands_that_contributors_are_told_name_tests_that_are_there() -> None:
    commands = re.findall(r"pytest ([^`]+)`", text("CONTRIBUTING.md"))
    paths = [word for command in commands for word in command.split() if word.startswith("tests/")]
    assert len(paths) > 4
    assert all(list(REPOSITORY.glob(path)) for path in paths)


def test_what_listens_where_is_said_as_it_is() -> None:
    defaults, said = config.defaults(), text("SECURITY.md")
    assert f"| `{defaults.publish.endpoint}` | `publish.endpoint`, `--publish` |" in said
    assert f"| `{defaults.page.address}` | `page.address`, `--page`; `off` closes it |" in said


def test_links_lead_somewhere() -> None:
    for file in GITHUB.glob("*.md"):
        links = re.findall(r"\]\(([^)#]+)", file.read_text(encoding="utf-8"))
        assert all(link.startswith("https://") or (GITHUB / link).exists() for link in links)
