"""Truncation of a video file: the bytes that it declares but lacks, as a recording or copy that was cut off does.

FFmpeg plays such a file and ends as if nothing were missing. The formats below begin each part with its length, from
which the file's end follows. Others (MPEG-TS, raw H.264) declare no length: their truncation cannot be detected.
"""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

EBML, SEGMENT = 0x1A45DFA3, 0x18538067  # RFC 8794, RFC 9559


def missing_bytes(path: Path) -> int:
    """Bytes that the last part of an MP4, MOV, AVI, MKV or WebM file declares beyond the file's end; else 0."""
    with path.open("rb") as file:
        part_end = _format_of(file)
        if part_end is None:
            return 0
        size, end = path.stat().st_size, 0
        while end < size:
            file.seek(end)
            begin, end = end, part_end(file, end, size)
            if end <= begin:
                return 0  # not a valid length
        return end - size


def _format_of(file: BinaryIO) -> Callable[[BinaryIO, int, int], int] | None:
    start = file.read(12)
    if start[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"skip", b"free"):
        return _box_end
    if start[:4] == b"RIFF":
        return _riff_end
    return _element_end if start[:4] == EBML.to_bytes(4, "big") else None


def _box_end(file: BinaryIO, begin: int, size: int) -> int:
    """ISO/IEC 14496-12, 4.2: 32-bit size and type; 1 means that a 64-bit size follows, 0 to the end of the file."""
    head = file.read(16).ljust(16, b"\0")
    (short,) = struct.unpack_from(">I", head)
    if short == 0:
        return size
    (long,) = struct.unpack_from(">Q", head, 8)
    return begin + int(long if short == 1 else short)


def _riff_end(file: BinaryIO, begin: int, size: int) -> int:
    """Identifier and 32-bit little-endian length, padded to even; recorders that were killed leave 0."""
    head = file.read(8).ljust(8, b"\0")
    (length,) = struct.unpack_from("<I", head, 4)
    return begin + 8 + length + length % 2 if head[:4] == b"RIFF" and length else size


def _element_end(file: BinaryIO, begin: int, size: int) -> int:
    """RFC 8794, 4: identifier and length as variable-size integers; a length of all ones is unknown."""
    head = file.read(12).ljust(12, b"\0")
    width = 9 - head[4].bit_length()
    if int.from_bytes(head[:4], "big") not in (EBML, SEGMENT) or width > 8:
        return size
    ones = (1 << 7 * width) - 1
    length = int.from_bytes(head[4 : 4 + width], "big") & ones
    return size if length == ones else begin + 4 + width + length
