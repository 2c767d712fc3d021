"""Dockerfile, compose.yaml and the systemd unit say what the program says: ports, flags, memory, times."""

import argparse
import configparser
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from posestream.engines.zoo.store import cache
from posestream.stream import config
from posestream.stream.cli import run
from posestream.stream.ipc.shared_memory import RECOMMENDED_MB
from posestream.stream.run.supervisor import FINISH_S, STOP_S
from tests.stream.publisher import Publisher, pose, state

TOOLS = Path(__file__).parents[2] / "tools"
DOCKERFILE = (TOOLS / "Dockerfile").read_text()
DEFAULTS = config.defaults()
PATIENCE_S = 60.0
PORTS = {DEFAULTS.publish.endpoint.rpartition(":")[2], DEFAULTS.page.address.rpartition(":")[2]}


def asked(command: list[str]) -> argparse.Namespace:
    """What `posestream run` understands of a command line. Exits where it is wrong."""
    program, subcommand, *arguments = command
    assert (Path(program).name, subcommand) == ("posestream", "run")
    parser = argparse.ArgumentParser()
    run.add_arguments(parser)
    return parser.parse_args(arguments)


def instruction(name: str) -> str:
    """The argument of the only instruction of that name, its lines joined."""
    (found,) = re.findall(rf"^{name} (.*)$", DOCKERFILE.replace("\\\n", " "), re.MULTILINE)
    return str(found)


def megabytes(size: str) -> int:
    return int(size.removesuffix("m"))


# ---- Docker


def test_the_image_exposes_the_ports_that_a_run_listens_on_by_default() -> None:
    assert set(instruction("EXPOSE").split()) == PORTS


def test_in_a_container_a_run_listens_where_the_ports_of_a_container_lead() -> None:
    args = asked(json.loads(instruction("ENTRYPOINT")))
    assert args.sources == []
    addresses = (args.page, args.publish.removeprefix("tcp://"))
    assert [address.rpartition(":")[0] for address in addresses] == ["0.0.0.0", "0.0.0.0"]
    assert {address.rpartition(":")[2] for address in addresses} == PORTS


def test_networks_are_kept_in_the_volume(monkeypatch: pytest.MonkeyPatch) -> None:
    variables = dict(pair.split("=", 1) for pair in instruction("ENV").split())
    monkeypatch.setenv("POSESTREAM_CACHE", variables["POSESTREAM_CACHE"])
    assert str(cache.directory()) == instruction("VOLUME")


def test_the_image_is_made_of_the_locked_files_and_runs_as_nobody_special() -> None:
    assert "--require-hashes --requirement tools/locked-run.txt" in DOCKERFILE
    assert "--no-build-isolation ." in DOCKERFILE
    assert int(instruction("USER")) > 0


def test_the_image_is_given_all_that_it_is_made_of_and_no_more() -> None:
    ignored = (TOOLS / "Dockerfile.dockerignore").read_text().splitlines()
    given = {line[1:] for line in ignored if line.startswith("!")}
    assert "*" in ignored
    assert all((TOOLS.parent / name).exists() for name in given)
    links = (TOOLS.parent / ".packages/posestream").iterdir()
    targets = {link.resolve().relative_to(TOOLS.parent).parts[0] for link in links if link.name != "__pycache__"}
    assert given == targets | {".packages", "tools/locked-run.txt", "LICENSE", "README.md", "pyproject.toml"}


def start_health_check(endpoint: str, timeout_s: float) -> "subprocess.Popen[bytes]":
    """The check's command with this Python, and with the endpoint and patience of a test."""
    python, *rest = json.loads(instruction("HEALTHCHECK").partition(" CMD ")[2])
    assert python == "python"
    program = rest[-1].replace(DEFAULTS.publish.endpoint, endpoint).replace("timeout=10", f"timeout={timeout_s}")
    assert endpoint in program
    assert f"timeout={timeout_s}" in program
    return subprocess.Popen([sys.executable, *rest[:-1], program], stderr=subprocess.DEVNULL)


def test_a_container_is_healthy_while_frames_are_published() -> None:
    with Publisher() as publisher, start_health_check(publisher.endpoint, PATIENCE_S) as check:
        while publisher.subscription() != b"\1pose.":
            pass
        publisher.send(pose())
        assert check.wait(PATIENCE_S) == 0


def test_a_container_whose_cameras_only_have_states_is_not_healthy() -> None:
    with Publisher() as publisher, start_health_check(publisher.endpoint, 1.0) as check:
        while publisher.subscription() != b"\1state.":
            pass
        publisher.send(state(name="lost"))
        assert check.wait(PATIENCE_S) != 0


COMPOSE = yaml.safe_load((TOOLS / "compose.yaml").read_text())


@pytest.mark.parametrize("service", list(COMPOSE["services"].values()), ids=list(COMPOSE["services"]))
def test_a_service_has_ports_memory_and_a_place_for_networks(service: dict[str, Any]) -> None:
    assert [port.split(":")[0] for port in service["ports"]] == ["127.0.0.1"] * len(PORTS)
    assert {port.split(":")[1] for port in service["ports"]} == PORTS
    assert {port.split(":")[2] for port in service["ports"]} == PORTS
    assert megabytes(service["shm_size"]) >= RECOMMENDED_MB
    assert service["restart"] == "unless-stopped"
    (volume,) = service["volumes"]
    name, target = volume.split(":")
    assert name in COMPOSE["volumes"]
    assert target == instruction("VOLUME")
    build = service["build"]
    assert (TOOLS / build["context"] / build["dockerfile"]).samefile(TOOLS / "Dockerfile")
    (source,) = asked([*json.loads(instruction("ENTRYPOINT")), *service["command"]]).sources
    assert source in ("${CAMERA:-demo}", "/dev/video0")


def test_what_is_written_of_docker_run_is_so_too() -> None:
    (size,) = re.findall(r"--shm-size=(\d+m)", DOCKERFILE)
    assert megabytes(size) >= RECOMMENDED_MB
    assert set(re.findall(r"-p 127\.0\.0\.1:(\d+):\1", DOCKERFILE)) == PORTS
    assert f"-v posestream:{instruction('VOLUME')}" in DOCKERFILE


# ---- systemd


@pytest.fixture(scope="module")
def unit() -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None, comment_prefixes="#", delimiters="=")
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(TOOLS / "posestream.service")
    return parser["Service"]


def seconds(span: str) -> int:
    return int(span.removesuffix("min")) * 60 if span.endswith("min") else int(span)


def test_the_unit_starts_a_run_with_its_settings(unit: configparser.SectionProxy) -> None:
    args = asked(shlex.split(unit["ExecStart"]))
    name, _, _ = unit["LoadCredential"].partition(":")
    assert str(args.config) == f"${{CREDENTIALS_DIRECTORY}}/{name}"
    assert (args.sources, args.page, args.publish) == ([], None, None)


def test_systemd_hears_the_run_itself_and_leaves_its_processes_to_it(unit: configparser.SectionProxy) -> None:
    assert (unit["Type"], unit["KillMode"], unit["Restart"]) == ("notify", "mixed", "on-failure")
    assert unit["RestartPreventExitStatus"] == "2"


def test_systemd_has_more_patience_than_the_supervisor(unit: configparser.SectionProxy) -> None:
    settings = DEFAULTS.supervisor
    assert seconds(unit["WatchdogSec"]) > settings.beat_timeout_s + settings.ready_timeout_s
    assert seconds(unit["WatchdogSec"]) > FINISH_S
    assert seconds(unit["TimeoutStartSec"]) > settings.ready_timeout_s
    assert seconds(unit["TimeoutStopSec"]) > 2 * STOP_S


def test_networks_are_kept_in_the_cache_of_the_service(unit: configparser.SectionProxy) -> None:
    variables = dict(pair.split("=", 1) for pair in unit["Environment"].split())
    assert variables["POSESTREAM_CACHE"] == f"%C/{unit['CacheDirectory']}"


def test_the_unit_forbids_nothing_that_a_run_needs(unit: configparser.SectionProxy) -> None:
    """Devices for V4L2, memory that is compiled into, sockets of all kinds in use; /dev/shm is no device of its own."""
    assert "PrivateDevices" not in unit
    assert "MemoryDenyWriteExecute" not in unit
    assert unit["DeviceAllow"] == "char-video4linux rw"
    assert {"AF_UNIX", "AF_INET", "AF_INET6"} <= set(unit["RestrictAddressFamilies"].split())
