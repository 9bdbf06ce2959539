"""PyTorch: modules, as torch.export traces them, and state dicts of linear layers.

A state dict holds no activations, so they must be named. torch itself is needed only for modules, `.pt` and
`.pt2` files (extra `interop`); a state dict may be of NumPy arrays.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from compiler.errors import UnsupportedError
from compiler.families.feedforward import FeedForward
from compiler.families.mlp import ACTIVATIONS, HEADS, MLP
from compiler.formats.networks.aten import Call, Reference, read_calls
from compiler.formats.networks.state import plain, read_state


def from_state_dict(
    state: Mapping[str, Any],
    activation: str | None,
    *,
    output_activation: str = "identity",
    head: str = "classification",
    labels: tuple[str, ...] = (),
    origin: str = "state dict",
) -> MLP:
    """The MLP of a state dict of linear layers: keys `0.weight`, `0.bias`, `2.weight`, ..., with any prefix,
    in the order of their numbers; or any names (`fc1.weight`, `head.weight`) in that of the entries.

    activation : phi of every hidden layer; output_activation : phi of the last one. A missing bias
        is 0.
    A classifier with one output decides by its sign (or by 1/2 after a sigmoid).

    Raises UnsupportedError for a key that is no linear layer's or an activation that is not named.
    """
    layers: dict[str, dict[str, np.ndarray]] = {}
    for key, tensor in state.items():
        name, _, part = key.rpartition(".")
        array = _array(tensor)
        if part not in ("weight", "bias") or array.ndim != (2 if part == "weight" else 1):
            raise UnsupportedError(
                f"{origin}: entry {key!r} with shape {array.shape} is no linear layer's (NAME.weight, "
                "NAME.bias); a state dict holds no graph: give the module itself, or export it to .pt2 or "
                "ONNX"
            )
        layers.setdefault(name, {})[part] = array
    for name, held in layers.items():
        if "weight" not in held:
            raise UnsupportedError(f"{origin}: layer {name} has a bias but no weight")
    if not layers:
        raise UnsupportedError(f"{origin}: there is no layer; give the state dict of a module with some")
    if activation is None and len(layers) > 1:
        raise UnsupportedError(
            f"{origin}: a state dict does not hold the activation; name it: " + ", ".join(ACTIVATIONS)
        )
    order = _in_order(layers, origin)
    weights = [layers[name]["weight"] for name in order]
    biases = [layers[k].get("bias", np.zeros(w.shape[0])) for k, w in zip(order, weights, strict=True)]
    names = [activation or "identity"] * (len(weights) - 1) + [output_activation]
    return chain_to_mlp(weights, biases, names, head=head, labels=labels, origin=origin)


def _in_order(layers: Mapping[str, Mapping[str, np.ndarray]], origin: str) -> list[str]:
    """Names of layers as they follow each other: by their numbers where they have them, else as given.

    Raises UnsupportedError where one does not take what the one before it makes.
    """
    numbers = {name: [int(n) for n in re.findall(r"\d+", name)] for name in layers}
    stems = {re.sub(r"\d+", "", name) for name in layers}
    names = sorted(layers, key=numbers.__getitem__) if len(stems) == 1 else list(layers)
    for before, name in pairwise(names):
        made, taken = layers[before]["weight"].shape[0], layers[name]["weight"].shape[1]
        if made != taken:
            raise UnsupportedError(
                f"{origin}: layer {name} takes {taken} values but layer {before} before it makes {made}; "
                "only one chain of linear layers is read from a state dict"
            )
    return names


def from_module(
    module: Any,
    *,
    example_inputs: Any = None,
    head: str = "classification",
    labels: tuple[str, ...] = (),
    input_shape: tuple[int, ...] = (),
) -> MLP | FeedForward:
    """The model of any torch.nn.Module that torch.export traces to layers known here
    (compiler.formats.networks.aten), in its state of evaluation; of dense layers alone an MLP.

    example_inputs : a batch of what it takes, as to torch.export.export: a tensor, an array or a tuple with
        one. None: as many numbers as a Linear takes that is its first layer with weights, or
    input_shape : (height, width, channels) of images

    Rows of data have the channels of images innermost, whereas modules have them outermost; everything else
    is taken row by row, as the module takes it.

    Raises UnsupportedError for what cannot be traced or has no counterpart among cells, by its path.
    """
    import copy

    import torch

    if input_shape and len(input_shape) != 3:
        raise UnsupportedError(f"torch: input_shape must be (height, width, channels), got {input_shape}")
    still = copy.deepcopy(module).cpu().eval()
    if any(p.dtype in (torch.bfloat16, torch.float16) for p in still.parameters()):
        still = still.float()  # the same weights
    example = _example(still, example_inputs, input_shape)
    try:
        with torch.no_grad():
            program = torch.export.export(still, (example,))
    except Exception as error:  # of torch's many
        reason = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise UnsupportedError(
            f"torch: {type(module).__name__}: torch.export cannot trace it ({reason[:160]}); a module whose "
            "way does not depend on its data can be"
        ) from None
    return from_program(program, head=head, labels=labels, origin="torch")


def _example(module: Any, given: Any, input_shape: tuple[int, ...]) -> Any:
    """Two samples of what the module takes."""
    import torch

    weights = list(module.parameters())
    kind = weights[0].dtype if weights else torch.float32
    if given is not None:
        if isinstance(given, (tuple, list)):
            if len(given) != 1:
                raise UnsupportedError(
                    f"torch: {type(module).__name__} takes {len(given)} inputs; a network with "
                    "one can be compiled"
                )
            given = given[0]
        tensor = torch.as_tensor(given).detach().cpu()
        tensor = tensor.to(kind) if tensor.is_floating_point() else tensor
        if tensor.ndim < 2:
            raise UnsupportedError(
                f"torch: example_inputs must have a batch before its values, got shape {tuple(tensor.shape)}"
            )
        return torch.cat([tensor[:1], tensor[-1:]])
    if input_shape:
        height, width, channels = input_shape
        return torch.zeros((2, channels, height, width), dtype=kind)
    first = next((m for m in module.modules() if next(m.parameters(recurse=False), None) is not None), None)
    if type(first).__name__ != "Linear":
        called = type(first).__name__ if first is not None else "no layer with weights"
        raise UnsupportedError(
            f"torch: {type(module).__name__} begins with {called}: give example_inputs, a batch of what it "
            "takes, or input_shape, (height, width, channels) of images"
        )
    return torch.zeros((2, first.in_features), dtype=kind)  # type: ignore[union-attr]


def from_program(
    program: Any, *, head: str = "classification", labels: tuple[str, ...] = (), origin: str = "torch"
) -> MLP | FeedForward:
    """The model of a torch.export.ExportedProgram.

    Raises UnsupportedError as from_module.
    """
    signature = program.graph_signature
    held = {**program.state_dict, **program.constants}
    named = {
        **signature.inputs_to_parameters,
        **signature.inputs_to_buffers,
        **signature.inputs_to_lifted_tensor_constants,
    }
    if len(signature.user_inputs) != 1 or len(signature.user_outputs) != 1:
        raise UnsupportedError(
            f"{origin}: the module has {len(signature.user_inputs)} inputs and {len(signature.user_outputs)} "
            "outputs; a network with one of each can be compiled"
        )
    constants = {name: _whole(held[key].detach()) for name, key in named.items()}
    data, calls = str(signature.user_inputs[0]), []
    shape: tuple[int, ...] = (2,)
    for node in program.graph.nodes:
        if node.op == "placeholder" and node.name == data:
            batch, *rest = node.meta["val"].shape
            shape = (batch if isinstance(batch, int) else 2, *(int(n) for n in rest))
        elif node.op == "get_attr":
            constants[node.name] = _whole(getattr(program.graph_module, node.target).detach())
        elif node.op in ("call_function", "call_module"):
            calls.append(_call(node, origin))
    return read_calls(
        calls,
        data=data,
        shape=shape,
        constants=constants,
        result=str(signature.user_outputs[0]),
        origin=origin,
        head=head,
        labels=labels,
    )


def _whole(tensor: Any) -> Any:
    """A tensor of 16-bit floats as one of 32."""
    import torch

    return tensor.float() if tensor.dtype in (torch.bfloat16, torch.float16) else tensor


def _call(node: Any, origin: str) -> Call:
    """A node of an exported graph."""
    import operator

    from torch.fx import Node

    stack = list((node.meta.get("nn_module_stack") or {}).values())
    path, kind = stack[-1] if stack else ("", "")
    kind = (kind if isinstance(kind, str) else kind.__name__).rpartition(".")[2]

    def referred(argument: Any) -> Any:
        if isinstance(argument, Node):
            return Reference(argument.name)
        if isinstance(argument, (list, tuple)):
            return [referred(each) for each in argument]
        return argument

    if node.target is operator.getitem:
        given = dict(zip(("input", "index"), map(referred, node.args), strict=True))
        return Call(node.name, "getitem", given, path, kind)
    schema = getattr(node.target, "_schema", None)
    namespace, _, target = str(node.target).partition(".")
    if schema is None or namespace != "aten":
        raise UnsupportedError(f"{origin}: {path or 'forward'}: {node.target} is no operator of ATen")
    given = dict(zip((a.name for a in schema.arguments), map(referred, node.args), strict=False))
    given |= {name: referred(value) for name, value in node.kwargs.items()}
    return Call(node.name, target, given, path, kind if stack and len(stack) > 1 else "")


def read_torch(
    path: str | os.PathLike,
    activation: str | None,
    *,
    output_activation: str = "identity",
    head: str = "classification",
    labels: tuple[str, ...] = (),
) -> MLP:
    """The MLP of a state dict in a .pt (read with weights_only), .safetensors or .npz file.

    Raises FormatError for a file that is none of these, UnsupportedError as from_state_dict, and
    where torch is missing.
    """
    state = read_state(path)
    return from_state_dict(
        state, activation, output_activation=output_activation, head=head, labels=labels, origin=str(path)
    )


def _array(tensor: Any) -> np.ndarray:
    return np.array(plain(tensor))


def chain_to_mlp(
    weights: list[np.ndarray],
    biases: list[np.ndarray],
    activations: list[str],
    *,
    head: str,
    labels: tuple[str, ...],
    origin: str,
) -> MLP:
    """MLP of a chain of layers. A classifier with one output gets two answers, y below and above
    its threshold: 0, or 1/2 after a sigmoid or clip."""
    scale = offset = None
    if head not in HEADS:
        raise UnsupportedError(f"head must be {' or '.join(HEADS)}, got {head!r}")
    if head == "classification" and weights[-1].shape[0] == 1:
        scale = np.array([[-1.0], [1.0]])
        threshold = 0.5 if activations[-1] in ("sigmoid", "clip") else 0.0
        offset = np.array([threshold, -threshold]) if threshold else None
        labels = labels or ("0", "1")
    return MLP(
        tuple(weights),
        tuple(biases),
        tuple(activations),
        head=head,
        output_scale=scale,
        output_offset=offset,
        labels=labels,
        meta={"origin": os.path.basename(origin)},
    )
