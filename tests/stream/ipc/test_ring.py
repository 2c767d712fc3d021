"""The ring of slots in shared memory."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posestream.stream.errors import RunError
from posestream.stream.ipc import shared_memory
from posestream.stream.ipc.frame_geometry import Geometry
from posestream.stream.ipc.ring import PAGE_BYTES, ROW_BYTES, VERSION, Layout, Ring, RingError

SMALL = Geometry(16, 8, "bgr24")
GEOMETRIES = st.builds(
    lambda width, height, pixel_format: Geometry(2 * width, 2 * height, pixel_format),
    st.integers(1, 32),
    st.integers(1, 32),
    st.sampled_from(["bgr24", "i420", "nv12"]),
)


def frames(slots: int = 3, epoch: int = 0, geometry: Geometry = SMALL) -> Layout:
    return Layout(slots, geometry.nbytes, epoch, geometry)


def put(ring: Ring, slot: int, seq: int, value: int) -> int:
    """Frame `seq`, every byte of which is `value`; its generation."""
    ring.begin(slot)[:] = value
    return ring.commit(slot, seq)


# ---- the file


def test_the_file_is_laid_out_as_drawn(shm: Path) -> None:
    layout = frames(slots=3, epoch=7)
    ring = Ring.create(shm / "ring", layout)
    put(ring, 1, seq=41, value=5)
    file = (shm / "ring").read_bytes()
    integers = np.frombuffer(file[8:72], "<u8")
    assert file[:8] == b"PSRING01"
    assert list(integers) == [1, 7, 3, SMALL.nbytes, 4096, 2 * 4096, 16, 8]  # version 1, pages of 4096 bytes
    assert file[72:88] == b"bgr24".ljust(16, b"\0")
    assert list(np.frombuffer(file, "<u8", 2, 4096 + 64)) == [2, 41]  # the row of slot 1: generation and seq
    assert file[3 * 4096 :][: SMALL.nbytes] == bytes([5]) * SMALL.nbytes
    assert len(file) == (2 + 3) * 4096


@given(st.integers(1, 200), st.integers(1, 3 * PAGE_BYTES))
def test_slots_begin_on_pages_and_overlap_nothing(slots: int, slot_bytes: int) -> None:
    layout = Layout(slots, slot_bytes)
    assert layout.stride % PAGE_BYTES == layout.slots_offset % PAGE_BYTES == 0
    assert slot_bytes <= layout.stride < slot_bytes + PAGE_BYTES
    assert layout.slots_offset >= PAGE_BYTES + slots * ROW_BYTES
    assert layout.file_bytes == layout.slots_offset + slots * layout.stride


@given(GEOMETRIES, st.integers(1, 9), st.integers(0, 2**40))
def test_a_mapped_ring_has_the_layout_that_it_was_created_with(geometry: Geometry, slots: int, epoch: int) -> None:
    layout = frames(slots, epoch, geometry)
    with TemporaryDirectory(dir=shared_memory.place()) as folder:
        made = Ring.create(Path(folder) / "ring", layout)
        mapped = Ring(Path(folder) / "ring", writable=False)
        assert mapped.layout == layout
        for slot in range(slots):
            put(made, slot, seq=slot, value=slot + 1)
        assert [int(mapped.picture(slot).min()) for slot in range(slots)] == list(range(1, slots + 1))
        assert [int(mapped.picture(slot).max()) for slot in range(slots)] == list(range(1, slots + 1))
        assert mapped.picture(0).shape == geometry.shape


def _changed(file: bytes, at: int, to: bytes) -> bytes:
    return file[:at] + to + file[at + len(to) :]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda file: file[:0],
    "shorter than a header": lambda file: file[:50],
    "cut off": lambda file: file[:-PAGE_BYTES],
    "longer than it says": lambda file: file + bytes(PAGE_BYTES),
    "another magic": lambda file: _changed(file, 0, b"PSRING02"),
    "another version": lambda file: _changed(file, 8, (VERSION + 1).to_bytes(8, "little")),
    "more slots than there are": lambda file: _changed(file, 24, (2**60).to_bytes(8, "little")),
    "no slots": lambda file: _changed(file, 24, bytes(8)),
    "a picture larger than a slot": lambda file: _changed(file, 56, (4000).to_bytes(8, "little")),
    "a picture without pixels": lambda file: _changed(file, 56, bytes(8)),
    "an unknown pixel format": lambda file: _changed(file, 72, b"bgr25"),
    "a pixel format that is no text": lambda file: _changed(file, 72, b"\xff\xfe"),
    "something else": lambda file: b"\x7fELF" + bytes(len(file) - 4),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("writable", [False, True])
def test_a_file_that_is_no_ring_of_this_version_is_refused(shm: Path, damage: str, writable: bool) -> None:
    Ring.create(shm / "ring", frames())
    (shm / "ring").write_bytes(DAMAGES[damage]((shm / "ring").read_bytes()))
    with pytest.raises(RingError, match=str(shm / "ring")):
        Ring(shm / "ring", writable=writable)


def test_a_ring_that_is_not_there_is_not_found(shm: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Ring(shm / "ring", writable=False)


def test_a_ring_is_made_once(shm: Path) -> None:
    Ring.create(shm / "ring", frames())
    with pytest.raises(FileExistsError):
        Ring.create(shm / "ring", frames())


def test_without_room_the_error_names_size_and_remedy_and_no_file_is_left(tiny_shm: Path) -> None:
    layout = frames(slots=9, geometry=Geometry(1920, 1080, "bgr24"))
    with pytest.raises(RunError) as raised:
        Ring.create(tiny_shm / "ring", layout)
    assert list(tiny_shm.iterdir()) == []
    text = str(raised.value)
    assert text.startswith(f"no room for 54 MB of shared memory in {tiny_shm}, where 1 MB are free")
    assert "Docker: --shm-size=256m" in text
    command = text[text.index("mount -o") :].rstrip(")")
    subprocess.run(command.split(), check=True)
    Ring.create(tiny_shm / "ring", layout).close()


def test_all_its_pages_are_reserved_so_that_others_cannot_take_them(tiny_shm: Path) -> None:
    ring = Ring.create(tiny_shm / "ring", Layout(1, 500_000))
    with pytest.raises(OSError, match="No space left"):
        (tiny_shm / "other").write_bytes(bytes(600_000))
    ring.begin(0)[:] = 1  # a page that was not there would be a SIGBUS
    assert ring.commit(0, 0) == 2


# ---- the writer


def test_a_generation_is_odd_while_its_slot_is_written_and_even_afterwards(shm: Path) -> None:
    ring = Ring.create(shm / "ring", frames())
    for turn in range(3):
        ring.begin(0)
        assert ring.intact(0, 2 * turn + 1)
        assert ring.commit(0, seq=turn) == 2 * turn + 2
        assert ring.intact(0, 2 * turn + 2)


def test_generations_of_slots_are_independent(shm: Path) -> None:
    ring = Ring.create(shm / "ring", frames())
    told = [put(ring, slot, seq=slot, value=0) for slot in range(3)]
    put(ring, 1, seq=3, value=0)
    assert [ring.intact(slot, generation) for slot, generation in enumerate(told)] == [True, False, True]


def test_a_slot_left_half_written_is_rewritten_under_a_higher_generation(shm: Path) -> None:
    broken = Ring.create(shm / "ring", frames())
    told = put(broken, 0, seq=0, value=1)
    broken.begin(0)[:10] = 2
    again = Ring(shm / "ring", writable=True)
    assert again.find(0) is None
    assert put(again, 0, seq=1, value=3) > told + 1
    assert again.find(1) == (0, 6)


def test_generations_grow_across_a_restart_of_the_writer(shm: Path) -> None:
    first = Ring.create(shm / "ring", frames())
    told = put(first, 0, seq=0, value=1)
    first.close()
    second = Ring(shm / "ring", writable=True)
    assert put(second, 0, seq=1, value=2) == told + 2
    assert not second.intact(0, told)


# ---- readers


def test_a_reader_cannot_write(shm: Path) -> None:
    put(Ring.create(shm / "ring", frames()), 0, seq=0, value=1)
    reader = Ring(shm / "ring", writable=False)
    with pytest.raises(ValueError, match="read-only"):
        reader.bytes(0)[0] = 2
    with pytest.raises(ValueError, match="read-only"):
        reader.begin(0)
    assert reader.bytes(0)[0] == 1


def test_a_frame_is_found_by_its_number_until_its_slot_is_taken(shm: Path) -> None:
    ring = Ring.create(shm / "ring", frames(slots=2))
    assert ring.find(0) is None  # of a fresh ring too, whose rows all say 0
    put(ring, 0, seq=0, value=7)
    put(ring, 1, seq=1, value=8)
    assert ring.find(0) == (0, 2)
    assert np.array_equal(ring.copy(1), np.full(SMALL.shape, 8, np.uint8))  # type: ignore[arg-type]
    ring.begin(0)
    assert ring.find(0) is None
    assert ring.copy(0) is None
    ring.commit(0, seq=2)
    assert ring.find(0) is None
    assert ring.copy(0) is None


class _Overtaken(Ring):
    """A reader that the writer overtakes while it looks at the pixels."""

    writer: Ring

    def picture(self, slot: int) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
        put(self.writer, slot, seq=99, value=2)
        return super().picture(slot)


def test_a_copy_that_was_overtaken_by_the_writer_is_none(shm: Path) -> None:
    writer = Ring.create(shm / "ring", frames())
    put(writer, 0, seq=0, value=1)
    reader = _Overtaken(shm / "ring", writable=False)
    reader.writer = writer
    assert reader.copy(0) is None


def test_a_copy_is_not_changed_by_the_writer(shm: Path) -> None:
    ring = Ring.create(shm / "ring", frames())
    put(ring, 0, seq=0, value=1)
    copy = ring.copy(0)
    put(ring, 0, seq=1, value=2)
    assert copy is not None
    assert copy.min() == copy.max() == 1


def test_an_array_of_whole_boundaries_leaves_no_gap_and_one_more_byte_a_boundary(shm: Path) -> None:
    ring = Ring.create(shm / "ring", Layout(1, 200))
    for value, array in enumerate(ring.arrays(0, ["uint8"] * 3, [(64,), (65,), (8,)]), start=1):
        array[:] = value
    assert ring.bytes(0).tobytes() == bytes([1] * 64 + [2] * 65 + [0] * 63 + [3] * 8)


def test_its_memory_is_the_whole_file_in_whole_pages(shm: Path) -> None:
    ring = Ring.create(shm / "ring", frames())
    put(ring, 2, seq=0, value=3)
    assert ring.memory.tobytes() == (shm / "ring").read_bytes()
    assert ring.memory.size % PAGE_BYTES == ring.memory.ctypes.data % PAGE_BYTES == 0


def test_a_ring_of_tensors_holds_no_pictures(shm: Path) -> None:
    ring = Ring.create(shm / "ring", Layout(1, 100))
    assert ring.layout == Layout(1, 100, epoch=0, geometry=None)
    with pytest.raises(RingError, match="holds no pictures"):
        ring.picture(0)


def test_an_array_is_a_view_of_the_beginning_of_a_slot(shm: Path) -> None:
    ring = Ring.create(shm / "ring", Layout(2, 100))
    ring.array(1, "float32", (5, 5))[:] = 0.5
    assert ring.bytes(1).tobytes() == np.full(25, 0.5, np.float32).tobytes()
    assert not ring.bytes(0).any()


def test_an_array_that_does_not_fit_is_refused(shm: Path) -> None:
    ring = Ring.create(shm / "ring", Layout(2, 100))
    with pytest.raises(ValueError, match=r"\(26,\) float32 ends behind its 100 bytes"):
        ring.array(0, "float32", (26,))


def test_several_arrays_share_a_slot_on_boundaries_of_64_bytes(shm: Path) -> None:
    ring = Ring.create(shm / "ring", Layout(2, 200))
    first, second = ring.arrays(0, ["uint8", "float32"], [(3,), (2, 2)])
    first[:], second[:] = 7, 0.25
    content = ring.bytes(0).tobytes()
    assert content[:3] == b"\7\7\7"
    assert content[64:80] == np.full(4, 0.25, np.float32).tobytes()
    with pytest.raises(ValueError, match="ends behind its 200 bytes"):
        ring.arrays(0, ["uint8"] * 4, [(3,), (64,), (64,), (9,)])
    with pytest.raises(ValueError, match="shorter"):
        ring.arrays(0, ["uint8", "uint8"], [(3,)])


def test_seq_is_that_of_the_last_frame_of_each_slot(shm: Path) -> None:
    ring = Ring.create(shm / "ring", frames())
    put(ring, 0, seq=4, value=1)
    put(ring, 1, seq=5, value=1)
    put(ring, 0, seq=6, value=1)
    assert [ring.seq(slot) for slot in (0, 1)] == [6, 5]


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs Linux's list of mappings")
def test_a_closed_ring_without_views_is_unmapped(shm: Path) -> None:
    ring = Ring.create(shm / "ring", frames())
    put(ring, 0, seq=0, value=1)
    assert str(shm) in Path("/proc/self/maps").read_text()
    ring.close()
    assert str(shm) not in Path("/proc/self/maps").read_text()


def test_a_view_outlives_its_closed_ring(shm: Path) -> None:
    ring = Ring.create(shm / "ring", frames())
    put(ring, 0, seq=0, value=9)
    view = ring.picture(0)
    ring.close()
    (shm / "ring").unlink()
    assert view.min() == view.max() == 9
