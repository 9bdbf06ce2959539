"""What a foreign file does not say by itself and the user must."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from compiler.errors import UnsupportedError

FOUR_WEIGHTS = ("light", "warp")
BIT_ORDERS = ("feature", "threshold")
AS = ("gates", "ising", "max-cut", "qubo", "qubo-max")
NETWORK = ("activation", "output_activation", "head")  # what only ordinary networks take
STACK = ("classes", "tau", "inputs", "thresholds", "quantiles", "bit_order")
CIRCUIT = ("top", "library", "cut_latches")  # what only circuits take
GATES = (*STACK, "wiring", "four_weights", "widths")  # what only logic-gate networks take


@dataclass(frozen=True, slots=True)
class Options:
    """Facts beside the file; every front end takes what it needs.

    Ordinary networks:
    activation, output_activation : phi of the hidden layers and the last one of a state dict
    head : "classification" or "regression"; labels : class names
    input_shape : (height, width, channels) of what a network of images reads, where it does not say
    example_inputs : a batch of what a torch.nn.Module takes

    Logic-gate networks:
    classes : number of equal blocks of the last layer that are counted, None: plain outputs
    tau : a class's score is its count / tau
    wiring : file with the wiring where the model's file has none
    four_weights : what a gate's four weights are, "light" (logits of the truth table) or "warp"
        (Walsh coefficients)
    inputs : number of input bits; widths : gates of every layer of a zero-padded file
    thresholds, quantiles : encoder, one bit a feature for each: absolute thresholds, or quantile
        levels of the sample's own features; at most one of the two
    bit_order : "feature": all bits of a feature side by side; "threshold": all features at the
        first threshold, then at the next

    Circuits:
    top : module of a Verilog or BLIF file that is the whole circuit, where several could be
    library : preset, Liberty or genlib file whose cells the file holds
    cut_latches : whether state becomes inputs, and the next state outputs

    Ising models:
    as_ : what a graph's weights, a matrix or a list of terms stand for: "max-cut", "ising", "qubo" or
        "qubo-max" (compiler.formats.ising.terms); needed where the file does not say. Of a circuit
        of gates, "ising" is invertible logic; of one of tables or cells, "gates" are two-input gates
    weight : attribute of a graph's edges that is their weight, or "none": every edge weighs 1;
        without it, `weight`
    field : attribute of a graph's nodes that is their field or linear term; without it, `h`
    """

    activation: str | None = None
    output_activation: str = "identity"
    head: str = "classification"
    labels: tuple[str, ...] = ()
    input_shape: tuple[int, ...] = ()
    example_inputs: Any = None
    classes: int | None = None
    tau: float = 1.0
    wiring: str | None = None
    four_weights: str | None = None
    inputs: int | None = None
    widths: tuple[int, ...] = ()
    thresholds: tuple[float, ...] = ()
    quantiles: tuple[float, ...] = ()
    bit_order: str = "feature"
    top: str | None = None
    library: str | None = None
    cut_latches: bool = False
    as_: str | None = None
    weight: str | None = None
    field: str | None = None

    def __post_init__(self) -> None:
        if self.four_weights not in (None, *FOUR_WEIGHTS):
            raise UnsupportedError(
                f"four weights a gate must be {' or '.join(FOUR_WEIGHTS)}, got {self.four_weights!r}"
            )
        if self.bit_order not in BIT_ORDERS:
            raise UnsupportedError(f"bit order must be {' or '.join(BIT_ORDERS)}, got {self.bit_order!r}")
        if self.as_ not in (None, *AS):
            raise UnsupportedError(f"--as must be {', '.join(AS[:-1])} or {AS[-1]}, got {self.as_!r}")
        if self.thresholds and self.quantiles:
            raise UnsupportedError("give thresholds or quantiles, not both")
        if self.tau != 1.0 and self.classes is None:
            raise UnsupportedError("tau scales the counts of classes; give their number, classes")
        if bad := [q for q in self.quantiles if not 0 < q < 1]:
            raise UnsupportedError(f"quantile levels lie between 0 and 1, got {bad[0]:g}")

    def refuse(self, names: Iterable[str], origin: str, what: str) -> None:
        """UnsupportedError for the first of `names` that is set, since `what` does not take it."""
        for name in names:
            if getattr(self, name) != getattr(DEFAULTS, name):
                flag = name.replace("_", "-")
                raise UnsupportedError(f"{origin}: --{flag} has no meaning for {what}; leave it out")


DEFAULTS = Options()
