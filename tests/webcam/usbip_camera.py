"""An emulated webcam for the real uvcvideo driver: the device's end of USB/IP (Linux `usbip_protocol.rst`).

The kernel's virtual host controller (vhci_hcd) takes one end of a socket pair; this process answers on the other, so no
network is involved. It must be a process of its own: one that reads from its own camera cannot end, because the driver
waits for answers that nobody gives any more.

Commands are lines on the standard input, each answered with `done` when it is carried out:
`plug PORT SERIAL`, `unplug PORT`; and for the frames from now on `damage PORT` (cut), `stall PORT` (none), `dim PORT`
(few, as in the dark) and `heal PORT` (as before).
"""

import itertools
import os
import socket
import struct
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

from tests.webcam.uvc_descriptors import FORMAT_MJPG, INTERVAL_100NS, PAYLOAD_MAX, descriptors, stream_settings

_VHCI = Path("/sys/devices/platform/vhci_hcd.0")
_DEVICE_ID, _SPEED_HIGH = 0x10002, 3

_HEADER = struct.Struct(">IIIII")  # command, sequence number, device, direction, endpoint
_SUBMIT = struct.Struct(">Iiiii8s")  # flags, length, start frame, packets, interval, setup
_UNLINK = struct.Struct(">I24x")  # sequence number of the request to cancel
_ANSWER = struct.Struct(">iiiii8x")  # status, length, start frame, packets, errors
_CMD_UNLINK, _RET_SUBMIT, _RET_UNLINK = 2, 3, 4
_OUT = 0
_STALLED, _RESET = -32, -104  # -EPIPE, -ECONNRESET

_SETUP = struct.Struct("<BBHHH")  # request type, request, value, index, length; USB 2.0 table 9-2
_GET_DESCRIPTOR, _GET_STATUS = (0x80, 6), 0
_SET_CUR, _GET_LEN, _GET_INFO = (0x21, 0x01), (0xA1, 0x85), (0xA1, 0x86)  # UVC table A-8
_CLASS_GET = 0xA1
_COMMIT = 2  # VS_COMMIT_CONTROL, the high byte of the value; UVC table A-11

_DARK = 10  # times as long between frames

_END_OF_HEADER, _END_OF_FRAME = 0x80, 0x02  # payload header, UVC section 2.4.3.2


class EmulatedCamera:
    """One camera on one port of the virtual host controller, sending the pictures of a folder in turn."""

    def __init__(self, port: int, serial: str, folder: Path) -> None:
        self._port = port
        self._descriptors = descriptors(serial)
        self._pictures = {kind: [f.read_bytes() for f in sorted(folder.glob(f"*.{kind}"))] for kind in ("jpg", "yuyv")}
        self._settings = stream_settings(FORMAT_MJPG)
        self._state = "heal"
        self._stream = 0  # counts the streams started
        self._waiting: OrderedDict[int, int] = OrderedDict()  # requests for pictures: sequence number -> length
        self._changed = threading.Condition()  # guards the four above, and the socket's sending side
        self._gone = False
        self._socket, kernel_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with kernel_end:
            (_VHCI / "attach").write_text(f"{port} {kernel_end.fileno()} {_DEVICE_ID} {_SPEED_HIGH}")
        for work in (self._answer_requests, self._send_pictures):
            threading.Thread(target=work, daemon=True).start()

    def turn(self, state: str) -> None:
        """Applies a command to the frames from now on."""
        with self._changed:
            self._state = state
            self._changed.notify_all()

    def unplug(self) -> None:
        (_VHCI / "detach").write_text(str(self._port))
        with self._changed:
            self._gone = True
            self._changed.notify_all()

    def _answer_requests(self) -> None:
        try:
            while True:
                command, sequence, _, direction, endpoint = _HEADER.unpack(self._receive(_HEADER.size))
                if command == _CMD_UNLINK:
                    self._cancel(sequence, _UNLINK.unpack(self._receive(_UNLINK.size))[0])
                    continue
                _, length, _, _, _, setup = _SUBMIT.unpack(self._receive(_SUBMIT.size))
                sent = self._receive(length) if direction == _OUT else b""
                if endpoint == 0:
                    self._control(sequence, setup, sent)
                else:
                    with self._changed:
                        self._waiting[sequence] = length
                        self._changed.notify_all()
        except (EOFError, OSError):  # unplugged
            with self._changed:
                self._gone = True
                self._changed.notify_all()

    def _receive(self, length: int) -> bytes:
        data = b""
        while len(data) < length:
            part = self._socket.recv(length - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    def _cancel(self, sequence: int, unwanted: int) -> None:
        with self._changed:  # under one lock: an answer after its cancellation makes vhci drop the device
            status = _RESET if self._waiting.pop(unwanted, None) is not None else 0
            self._socket.sendall(_HEADER.pack(_RET_UNLINK, sequence, 0, 0, 0) + _ANSWER.pack(status, 0, 0, 0, 0))

    def _control(self, sequence: int, setup: bytes, sent: bytes) -> None:
        kind, request, value, _, length = _SETUP.unpack(setup)
        answer: bytes | None = b""
        if (kind, request) == _GET_DESCRIPTOR:
            answer = self._descriptors.get((value >> 8, value & 0xFF))
        elif (kind, request) == _SET_CUR:
            with self._changed:
                self._settings = stream_settings(sent[2])
                self._stream += value >> 8 == _COMMIT
        elif (kind, request) == _GET_LEN:
            answer = len(self._settings).to_bytes(2, "little")
        elif (kind, request) == _GET_INFO:
            answer = b"\x03"  # can be read and set
        elif kind == _CLASS_GET:
            answer = self._settings
        elif kind & 0x80 and request == _GET_STATUS:
            answer = b"\0\0"
        elif kind & 0x80:
            answer = None
        with self._changed:
            if answer is None:
                self._reply(sequence, _STALLED, b"", 0)
            else:
                self._reply(sequence, 0, answer[:length], len(sent) or len(answer[:length]))

    def _reply(self, sequence: int, status: int, data: bytes, length: int) -> None:
        header = _HEADER.pack(_RET_SUBMIT, sequence, 0, 0, 0)
        self._socket.sendall(header + _ANSWER.pack(status, length, 0, 0, 0) + data)

    def _send_pictures(self) -> None:
        for number in itertools.count():
            with self._changed:
                self._changed.wait_for(lambda: (self._waiting and self._state != "stall") or self._gone)
                stream, is_jpeg = self._stream, self._settings[2] == FORMAT_MJPG
            pictures = self._pictures["jpg" if is_jpeg else "yuyv"]
            picture = pictures[number % len(pictures)]
            if self._state == "damage":  # as if a USB packet was lost
                picture = picture[: len(picture) // 2] + picture[len(picture) // 2 + 3072 :]
            for payload in _payloads(picture, toggle=number & 1):
                if not self._send(payload, stream):
                    break
            if self._gone:
                return
            time.sleep(INTERVAL_100NS * 1e-7 * (_DARK if self._state == "dim" else 1))  # the camera's own pace

    def _send(self, payload: bytes, stream: int) -> bool:
        """Answers the oldest request with a payload; False if its stream has ended."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._gone or self._stream != stream)
            if self._gone or self._stream != stream:
                return False
            sequence, _ = self._waiting.popitem(last=False)
            try:
                self._reply(sequence, 0, payload, len(payload))
            except OSError:  # unplugged
                return False
        return True


def _payloads(picture: bytes, toggle: int) -> Iterator[bytes]:
    """A picture in transfers, each with its header; `toggle` changes from picture to picture."""
    room = PAYLOAD_MAX - 2
    for start in range(0, len(picture), room):
        last = _END_OF_FRAME if start + room >= len(picture) else 0
        yield bytes([2, _END_OF_HEADER | last | toggle]) + picture[start : start + room]


def _obey(commands: Iterator[str], folder: Path) -> None:
    cameras: dict[str, EmulatedCamera] = {}
    for line in commands:
        command, port, *rest = line.split()
        if command == "plug":
            cameras[port] = EmulatedCamera(int(port), rest[0], folder)
        elif command == "unplug":
            cameras.pop(port).unplug()
        else:
            cameras[port].turn(command)
        print("done", flush=True)


if __name__ == "__main__":
    _obey(iter(sys.stdin.readline, ""), Path(sys.argv[1]))
    os._exit(0)  # threads may wait in the kernel
