"""Debian's kernel for a test guest, with the few modules it needs: fetched with apt once, then cached.

The guest needs no disk: its first files (busybox, modules) travel in a cpio archive ("newc" format, Linux
`Documentation/driver-api/early-userspace/buffer-format.rst`), which is written here, so that no more tools are needed
than apt and dpkg-deb.
"""

import hashlib
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from posestream.engines.zoo.store import cache

MODULES = (
    "virtio_pci",
    "9pnet_virtio",
    "9p",  # the host's files
    "overlay",  # ... which the guest may change for itself
    "vivid",  # a camera without MJPG
    "uvcvideo",  # the driver of USB webcams
    "vhci_hcd",  # ... one of which is emulated over USB/IP
)
_PACKAGE = "linux-image-amd64"  # the cloud kernel has no cameras
_WANTED = re.compile(r"\./(boot/vmlinuz|lib/modules/[^/]+/kernel/(drivers|fs|net|lib|sound|crypto|mm)/.*\.ko$)")


class CannotPrepare(Exception):  # noqa: N818  (a reason to skip, not a failure)
    """The guest cannot be made here; the message is the reason to skip."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel image, and an archive with /bin/busybox and /modules/NN-name.ko, numbered in the order to load."""

    image: Path
    archive: Path


def fetch_kernel() -> Kernel:
    """The cached kernel, made if there is none. Raises CannotPrepare where it cannot be made."""
    recipe = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    kept = cache.directory() / "tests" / f"webcam-guest-{recipe}"
    if not kept.is_dir():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as work:
            _make(Path(work))
            (Path(work) / "made").replace(kept)
    return Kernel(kept / "vmlinuz", kept / "base.cpio")


def cpio(entries: Iterable[tuple[str, int, bytes]]) -> bytes:
    """A cpio archive of (path, mode, content). Archives may follow one another in one file."""
    archive = b""
    for path, mode, content in (*entries, ("TRAILER!!!", 0, b"")):
        name = path.encode() + b"\0"
        device = (5, 1) if path == "dev/console" else (0, 0)
        fields = (len(archive) + 1, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(name), 0)
        header = "070701" + "".join(f"{field:08X}" for field in fields)
        for part in (header.encode() + name, content):
            archive += part + b"\0" * (-len(part) % 4)
    return archive


def _make(work: Path) -> None:
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise CannotPrepare(f"no {tool} here: the guest's kernel is a Debian package")
    _run(["apt-get", "download", "-q", _newest_kernel(), "busybox-static"], work)
    (kernel_deb,), (busybox_deb,) = work.glob("linux-image-*.deb"), work.glob("busybox-static_*.deb")
    files = _unpack(kernel_deb, _WANTED)
    (image,) = (content for path, content in files.items() if "/vmlinuz" in path)
    (busybox,) = _unpack(busybox_deb, re.compile(r"\./(usr/)?bin/busybox$")).values()
    modules = {Path(path).stem.replace("-", "_"): content for path, content in files.items() if path.endswith(".ko")}
    entries = [(name, 0o40755, b"") for name in ("dev", "proc", "sys", "host", "changes", "root", "bin", "modules")]
    entries += [("dev/console", 0o20600, b""), ("bin/busybox", 0o100755, busybox)]
    for place, name in enumerate(_in_order(MODULES, modules)):
        entries.append((f"modules/{place:02d}-{name}.ko", 0o100644, modules[name]))
    made = work / "made"
    made.mkdir()
    (made / "vmlinuz").write_bytes(image)
    (made / "base.cpio").write_bytes(cpio(entries))


def _newest_kernel() -> str:
    """The package on which the meta package depends today."""
    for attempt in range(2):
        answer = subprocess.run(["apt-cache", "depends", _PACKAGE], capture_output=True, text=True, check=False)
        if found := re.search(r"Depends: (linux-image-\S+)", answer.stdout):
            return found[1]
        if attempt == 0 and os.geteuid() == 0:
            _run(["apt-get", "update", "-q"], Path())
    raise CannotPrepare(f"apt knows no {_PACKAGE}: not Debian on x86-64, or `apt-get update` was never run")


def _unpack(package: Path, wanted: re.Pattern[str]) -> dict[str, bytes]:
    """The wanted files of a Debian package, by path."""
    files: dict[str, bytes] = {}
    with (
        subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE) as unpacking,
        tarfile.open(fileobj=unpacking.stdout, mode="r|") as tar,
    ):
        for member in tar:
            if member.isfile() and wanted.match(member.name) and (file := tar.extractfile(member)) is not None:
                files[member.name] = file.read()
    return files


def _in_order(names: Iterable[str], modules: dict[str, bytes]) -> list[str]:
    """`names` and their dependencies (each module's own `depends=`), dependencies first."""
    order: list[str] = []

    def add(name: str) -> None:
        if name in order or name not in modules:  # the others are built into the kernel
            return
        depends = re.search(rb"\0depends=([^\0]*)\0", modules[name])
        for other in filter(None, depends[1].decode().split(",") if depends else ()):
            add(other.replace("-", "_"))
        order.append(name)

    for name in names:
        add(name)
    return order


def _run(command: list[str], where: Path) -> None:
    done = subprocess.run(command, cwd=where, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CannotPrepare(f"`{' '.join(command)}` failed: {(done.stderr or done.stdout).strip().splitlines()[-1:]}")
