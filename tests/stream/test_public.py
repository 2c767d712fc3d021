"""`import posestream`: what it exports, and what it costs."""

import ast
import importlib.metadata
import inspect
import re
import subprocess
import sys

import pytest

import posestream as ps

NOT_TO_SUBSCRIBE = ("cv2", "av", "openvino", "onnxruntime", "onnx", "torch", "scipy", "rich", "aiohttp")


def test_what_is_exported_is_what_is_documented() -> None:
    documented = re.findall(r"^    (\w+) {2,}\S", ps.__doc__ or "", re.MULTILINE)
    assert sorted(documented) == sorted(set(ps.__all__) - {"__version__"})
    assert "`__version__`" in (ps.__doc__ or "")


def test_what_is_exported_is_typed() -> None:
    (block,) = (node for node in ast.parse(inspect.getsource(ps)).body if isinstance(node, ast.If))
    imported = [alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert sorted([*imported, "__version__"]) == sorted(ps.__all__) == sorted(dir(ps))


@pytest.mark.parametrize("name", sorted(set(ps.__all__) - {"__version__", "CameraState"}))
def test_every_exported_name_is_there_and_has_a_docstring(name: str) -> None:
    exported = getattr(ps, name)
    assert exported.__name__ == name
    assert len(exported.__doc__) > 20


def test_every_exported_exception_is_a_posestream_error() -> None:
    errors = [getattr(ps, name) for name in ps.__all__ if name.endswith("Error") or name == "Timeout"]
    assert len(errors) == 8
    assert all(issubclass(error, ps.PosestreamError) for error in errors)
    assert issubclass(ps.Timeout, TimeoutError)


def test_its_version_is_that_of_the_package() -> None:
    assert ps.__version__ == importlib.metadata.version("posestream")


def test_what_it_does_not_have_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'subscribed'"):
        _ = ps.subscribed


def loaded_by(program: str) -> set[str]:
    code = f"import sys\n{program}\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_importing_it_loads_nothing_else() -> None:
    assert not loaded_by("import posestream") & {*NOT_TO_SUBSCRIBE, "numpy", "zmq", "msgspec"}


@pytest.mark.parametrize("how", ["subscribe", "subscribe_async"])
def test_subscribing_loads_neither_opencv_nor_a_runtime(how: str) -> None:
    loaded = loaded_by(f"import posestream as ps\nps.{how}('tcp://127.0.0.1:5556').close()")
    assert "zmq" in loaded
    assert not loaded & set(NOT_TO_SUBSCRIBE)
