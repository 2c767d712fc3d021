"""The descriptors of an emulated webcam: USB 2.0, with those of the video class (UVC 1.0).

One camera terminal, one stream over a bulk endpoint, two formats of one size: MJPG and YUYV. Section numbers in the
comments are those of "USB Device Class Definition for Video Devices", revision 1.0a, or of "USB 2.0".
"""

import struct

WIDTH, HEIGHT = 640, 480
VENDOR, PRODUCT = 0x1D6B, 0x0102  # the Linux Foundation's, "webcam gadget"
MAKER, MODEL = "posestream tests", "Emulated Webcam"
FORMAT_MJPG, FORMAT_YUYV = 1, 2  # bFormatIndex
INTERVAL_100NS = 333_333  # 30 fps
PAYLOAD_MAX = 16_384  # dwMaxPayloadTransferSize
BULK_ENDPOINT = 1

DEVICE, CONFIGURATION, STRING = 1, 2, 3  # descriptor types, USB 2.0 table 9-5
_INTERFACE, _ENDPOINT, _ASSOCIATION, _VIDEO_INTERFACE = 4, 5, 11, 0x24
_CLASS_VIDEO, _CONTROL, _STREAMING = 0x0E, 1, 2
_MAKER_INDEX, _MODEL_INDEX, _SERIAL_INDEX = 1, 2, 3
_CAMERA, _USB_STREAMING = 0x0201, 0x0101  # terminal types, UVC tables B-2 and B-1
_YUY2_GUID = b"YUY2\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71"


def _descriptor(kind: int, layout: str, *values: int | bytes) -> bytes:
    """Length, type, then `values` packed little-endian."""
    body = struct.pack("<" + layout, *values)
    return bytes([2 + len(body), kind]) + body


def _video_frame(subtype: int) -> bytes:
    """UVC payload specifications, frame descriptor: one size, one rate."""
    raw_size = WIDTH * HEIGHT * 2
    rates = (raw_size * 8 * 30, raw_size * 8 * 30, raw_size, INTERVAL_100NS, 1, INTERVAL_100NS)
    return _descriptor(_VIDEO_INTERFACE, "BBBHHIIIIBI", subtype, 1, 0, WIDTH, HEIGHT, *rates)


def _video_control() -> bytes:
    """Section 3.7: a camera whose pictures go to USB."""
    camera = _descriptor(_VIDEO_INTERFACE, "BBHBBHHHB3s", 2, 1, _CAMERA, 0, 0, 0, 0, 0, 3, b"\0\0\0")
    output = _descriptor(_VIDEO_INTERFACE, "BBHBBB", 3, 2, _USB_STREAMING, 0, 1, 0)
    total = 13 + len(camera + output)
    return _descriptor(_VIDEO_INTERFACE, "BHHIBB", 1, 0x0100, total, 48_000_000, 1, 1) + camera + output


def _video_streaming() -> bytes:
    """Section 3.9: the formats and their frames."""
    mjpg = _descriptor(_VIDEO_INTERFACE, "BBBBBBBBB", 6, FORMAT_MJPG, 1, 1, 1, 0, 0, 0, 0) + _video_frame(7)
    yuyv = _descriptor(_VIDEO_INTERFACE, "BBB16sBBBBBB", 4, FORMAT_YUYV, 1, _YUY2_GUID, 16, 1, 0, 0, 0, 0)
    formats = mjpg + yuyv + _video_frame(5)
    header = (1, 2, 15 + len(formats), 0x80 | BULK_ENDPOINT, 0, 2, 0, 0, 0, 1, 0, 0)
    return _descriptor(_VIDEO_INTERFACE, "BBHBBBBBBBBB", *header) + formats


def _configuration() -> bytes:
    """USB 2.0 section 9.6.3: all interfaces in one."""
    body = _descriptor(_ASSOCIATION, "BBBBBB", 0, 2, _CLASS_VIDEO, 3, 0, 0)
    body += _descriptor(_INTERFACE, "BBBBBBB", 0, 0, 0, _CLASS_VIDEO, _CONTROL, 0, 0) + _video_control()
    body += _descriptor(_INTERFACE, "BBBBBBB", 1, 0, 1, _CLASS_VIDEO, _STREAMING, 0, 0) + _video_streaming()
    body += _descriptor(_ENDPOINT, "BBHB", 0x80 | BULK_ENDPOINT, 2, 512, 0)
    return _descriptor(CONFIGURATION, "HBBBBB", 9 + len(body), 2, 1, 0, 0x80, 250) + body


def descriptors(serial: str) -> dict[tuple[int, int], bytes]:
    """All descriptors by type and index."""
    strings = {_MAKER_INDEX: MAKER, _MODEL_INDEX: MODEL, _SERIAL_INDEX: serial}
    texts = (_MAKER_INDEX, _MODEL_INDEX, _SERIAL_INDEX)
    # class 0xEF 2 1: functions are defined by interface associations
    device = (0x0200, 0xEF, 2, 1, 64, VENDOR, PRODUCT, 0x0100, *texts, 1)
    return {
        (DEVICE, 0): _descriptor(DEVICE, "HBBBBHHHBBBB", *device),
        (CONFIGURATION, 0): _configuration(),
        (STRING, 0): _descriptor(STRING, "H", 0x0409),  # US English
        **{
            (STRING, index): _descriptor(STRING, f"{2 * len(text)}s", text.encode("utf-16le"))
            for index, text in strings.items()
        },
    }


def stream_settings(picture_format: int) -> bytes:
    """Section 4.3.1.1: the answer to probe and commit, which depends on the requested format alone."""
    picture_format = min(max(picture_format, FORMAT_MJPG), FORMAT_YUYV)
    return struct.pack(
        "<HBBI5HII", 1, picture_format, 1, INTERVAL_100NS, 0, 0, 0, 0, 0, WIDTH * HEIGHT * 2, PAYLOAD_MAX
    )
