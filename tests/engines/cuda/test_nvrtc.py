"""The kernels compile for every supported GPU, on machines without one."""

import sys

import pytest

from posestream.engines.cuda.nvrtc import KERNELS, KernelError, compile_kernels

pytest.importorskip("cuda.bindings", reason="cuda-bindings is not installed")


@pytest.mark.parametrize("sm", [75, 80, 86, 89, 90, 120])
def test_every_kernel_is_in_the_cubin(sm: int) -> None:
    cubin = compile_kernels(sm)
    assert cubin.startswith(b"\x7fELF")
    assert [name for name in KERNELS if name.encode() not in cubin] == []


def test_a_gpu_that_the_compiler_does_not_know_is_named() -> None:
    with pytest.raises(KernelError, match="sm_35"):
        compile_kernels(35)


def test_where_the_compiler_is_not_installed_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cuda.bindings", None)
    with pytest.raises(ImportError, match=r"pip install posestream\[cuda\]"):
        compile_kernels(90)
