"""A stage starts fast: what only some runs need is loaded by those."""

import subprocess
import sys

import pytest

HEAVY = ("aiohttp", "av", "cuda", "onnx", "onnxruntime", "openvino", "rich", "scipy", "torch")


@pytest.mark.parametrize("stage", ["capture", "preprocess", "infer", "postprocess", "publish"])
def test_a_stage_loads_at_its_start_nothing_that_few_runs_need(stage: str) -> None:
    code = f"import sys, posestream.stream.stages.{stage}; print(*sorted(sys.modules.keys() & {set(HEAVY)}))"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert loaded.split() == []
