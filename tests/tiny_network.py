"""A foreground network of three operations, in an ONNX file: what is bright is in front."""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import TensorProto, helper


def write_network(
    path: Path,
    size: tuple[int | str, int | str] = (64, 64),
    channels: int = 3,
    inputs: int = 1,
    logits: bool = False,
    kind: int = TensorProto.FLOAT,
) -> Path:
    """[1, channels, H, W] -> [1, 1, H, W]: a steep sigmoid of the channels' mean, 0.5 where that is 0; or its log-odds.

    Given rgb - 0.5, as ISNet takes it, that is the border between dark and bright.
    """
    pictures = [helper.make_tensor_value_info(f"picture{k}", kind, [1, channels, *size]) for k in range(inputs)]
    mask = helper.make_tensor_value_info("mask", kind, [1, 1, *size])
    nodes = [
        helper.make_node("ReduceMean", ["picture0"], ["grey"], axes=[1], keepdims=1),
        helper.make_node("Mul", ["grey", "steep"], ["steeper"]),
        helper.make_node("Identity" if logits else "Sigmoid", ["steeper"], ["mask"]),
    ]
    steep = helper.make_tensor("steep", kind, [], [30.0])
    graph = helper.make_graph(nodes, "bright", pictures, [mask], [steep])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(path))
    return path
