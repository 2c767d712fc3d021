"""A QEMU guest with real V4L2 and UVC drivers, in which a command of this repository runs.

The guest is Debian's kernel under plain emulation (TCG: a /dev/kvm that is there need not work). It has no disk: it
sees the host's files, read-only over 9p, so that the host's Python with all its packages runs inside; what it writes
goes to memory and is gone afterwards. Only the job's own folder is shared for writing, at the same path: what the
command leaves there is on the host when it ends. Emulation is about twenty times slower than the machine it runs on, so
no test may say anything of rates.
"""

import contextlib
import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.webcam.kernel import CannotPrepare, cpio, fetch_kernel

_MACHINE = (
    *("-M", "pc", "-accel", "tcg,thread=multi", "-cpu", "Nehalem", "-smp", "2", "-m", "3072"),  # wheels need x86-64-v2
    *("-nodefaults", "-nographic", "-no-reboot", "-serial", "stdio"),
)

_INIT = """#!/bin/busybox sh
PATH=/bin; /bin/busybox --install /bin
mount -t devtmpfs dev /dev; mount -t proc proc /proc; mount -t sysfs sys /sys; ifconfig lo 127.0.0.1 up
for module in /modules/*.ko; do
    case $module in *-vivid.ko) options="{vivid}";; *) options=;; esac
    insmod $module $options
done
share=trans=virtio,version=9p2000.L,msize=524288
mount -t 9p -o $share,ro,cache=loose host /host
mount -t tmpfs changes /changes; mkdir /changes/upper /changes/work
mount -t overlay -o lowerdir=/host,upperdir=/changes/upper,workdir=/changes/work root /root
for folder in dev proc sys; do mount --bind /$folder /root/$folder; done
mkdir -p /dev/shm; mount -t tmpfs shm /dev/shm
mount -t 9p -o $share job /root{job}
chroot /root /bin/sh {job}/start >/root{job}/stdout 2>/root{job}/stderr
echo $? >/root{job}/exit_code
reboot -f
"""
# one camera that captures; no tuners, outputs, radios
_VIVID_OPTIONS = "n_devs=1 num_inputs=1 input_types=0 node_types=0x1"


class GuestFailed(Exception):  # noqa: N818  (says what happened)
    """The guest did not finish; the message ends with the tail of its console and of the command's stderr."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a command in the guest."""

    exit_code: int
    stdout: str
    stderr: str
    folder: Path
    """The job's folder, with the files that the command left."""


def check_can_run() -> None:
    """Raises CannotPrepare where no guest can run: without QEMU, and without the right to install it."""
    if os.uname().machine != "x86_64":
        raise CannotPrepare("the guest runs this machine's own Python, and its kernel is for x86-64")
    if shutil.which("qemu-system-x86_64") is None:
        if os.geteuid() != 0 or shutil.which("apt-get") is None:
            raise CannotPrepare("no qemu-system-x86_64 here: `apt install qemu-system-x86`")
        install = "apt-get install -qy --no-install-recommends qemu-system-x86"
        if not (_shell(install) or (_shell("apt-get update -q") and _shell(install))):
            raise CannotPrepare(f"`{install}` failed")


def _shell(command: str) -> bool:
    return subprocess.run(command.split(), stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0


def run_in_guest(
    command: Sequence[str | Path], *, folder: Path, cwd: Path, environment: Mapping[str, str], timeout_s: float
) -> Outcome:
    """Boots a guest, runs `command` in it as root, and powers it off.

    `folder` is an empty folder of the host, where the command may leave files; HOME lies in memory, /tmp and /dev/shm
    too. Raises CannotPrepare where no guest can be made, GuestFailed where it hangs longer than `timeout_s`.
    """
    check_can_run()
    kernel = fetch_kernel()
    variables = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/tmp/home", "PYTHONDONTWRITEBYTECODE": "1"}
    assignments = [f"{name}={value}" for name, value in (variables | dict(environment)).items()]
    arguments = ["exec", "env", "-i", *assignments, *map(str, command)]
    (folder / "start").write_text(f"mkdir -p /tmp/home; cd {shlex.quote(str(cwd))} && {shlex.join(arguments)}\n")
    init = _INIT.format(vivid=_VIVID_OPTIONS, job=shlex.quote(str(folder)))
    initrd = folder / "initrd"
    initrd.write_bytes(kernel.archive.read_bytes() + cpio([("init", 0o100755, init.encode())]))
    _boot(kernel.image, initrd, folder, timeout_s)
    initrd.unlink()
    return Outcome(
        exit_code=int((folder / "exit_code").read_text()),
        stdout=(folder / "stdout").read_text(),
        stderr=(folder / "stderr").read_text(),
        folder=folder,
    )


def _boot(image: Path, initrd: Path, folder: Path, timeout_s: float) -> None:
    shares = (("host", Path("/"), ",readonly=on,multidevs=remap"), ("job", folder, ""))
    files = [
        argument
        for tag, path, options in shares
        for argument in (
            *("-fsdev", f"local,id={tag},path={path},security_model=none{options}"),
            *("-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag}"),
        )
    ]
    boot = ["-kernel", str(image), "-initrd", str(initrd), "-append", "console=ttyS0 quiet panic=-1 reboot=t"]
    console = folder / "console"
    with console.open("wb") as output, contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(
            ["qemu-system-x86_64", *_MACHINE, *files, *boot],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            timeout=timeout_s,
            check=False,
        )
    if not (folder / "exit_code").exists():
        log_tails = [file.read_text(errors="replace")[-1500:] for file in (console, folder / "stderr") if file.exists()]
        raise GuestFailed("the guest did not finish:\n" + "\n".join(log_tails))
