"""An nn.Module around a netlist, run and differentiated by JAX."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import torch

from compiler.ir.langevin import LangevinNetlist
from hw_models.imperfect import Imperfections
from thermo.simulate.langevin.layer import Layer, SimulatedFunction


class SimulatedLayer(torch.nn.Module):
    """data (N, n_inputs) -> answers (N, n_answers) of a netlist that is simulated, differentiable by its
    couplings, its biases and the data.

    netlist, non_ideal, kT, dt, method : as of SimulatedFunction
    seed : of noise and devices. Both are drawn anew at every forward pass, in training and in evaluation
    device_seed : one device instead, which may be changed at any time; None: another each pass

    Parameters: `couplings`, a tensor for each group of the netlist's, and `h`. `netlist()` is the trained
    netlist. Runs on JAX's default device; tensors come and go as float32 on the CPU.
    """

    def __init__(
        self,
        netlist: LangevinNetlist,
        *,
        non_ideal: Imperfections | None = None,
        kT: float | None = None,
        dt: float | None = None,
        method: str = "euler",
        seed: int = 0,
        device_seed: int | None = None,
    ) -> None:
        super().__init__()
        self.function = SimulatedFunction(netlist, non_ideal=non_ideal, kT=kT, dt=dt, method=method)
        start = self.function.parameters
        self.couplings = torch.nn.ParameterList(
            torch.nn.Parameter(torch.tensor(np.asarray(values))) for values in start.couplings
        )
        self.h = torch.nn.Parameter(torch.tensor(np.asarray(start.h)))
        self.seed, self.device_seed = seed, device_seed
        self.passes = 0
        self._forward = jax.jit(self.function)
        self._backward = jax.jit(self._pulled_back)

    def _pulled_back(self, parameters: Layer, data: Any, key: Any, device: Any, slope: Any) -> Any:
        """Gradients by parameters and data of slope . answers; the run is done again."""
        _, pull = jax.vjp(lambda p, x: self.function(p, x, key, device), parameters, data)
        return pull(slope)

    def forward(self, data: torch.Tensor) -> torch.Tensor:
        key = jax.random.fold_in(jax.random.key(self.seed), self.passes)
        which = self.device_seed
        if which is None:  # 2^31: apart from devices that are named
            which = 2**31 + (self.seed << 20) + self.passes
        device = None if self.function.law.ideal else self.function.device(which)
        self.passes += 1
        return _Run.apply(self, key, device, data.flatten(1), self.h, *self.couplings)

    def netlist(self) -> LangevinNetlist:
        """The netlist with the couplings and biases as trained."""
        return self.function.netlist_of(_layer([self.h, *self.couplings]))


def _layer(tensors: Any) -> Layer:
    h, *couplings = (tensor.detach().cpu().numpy() for tensor in tensors)
    return Layer(tuple(couplings), h)


class _Run(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, layer: Any, key: Any, device: Any, data: Any, *tensors: Any) -> Any:
        ctx.layer, ctx.key, ctx.device = layer, key, device
        ctx.save_for_backward(data, *tensors)
        answers = layer._forward(_layer(tensors), data.detach().cpu().numpy(), key, device)
        return torch.tensor(np.asarray(answers)).to(data.device)

    @staticmethod
    def backward(ctx: Any, slope: Any) -> Any:  # type: ignore[override]
        data, *tensors = ctx.saved_tensors
        layer, back = ctx.layer, slope.detach().cpu().numpy()
        values = data.detach().cpu().numpy()
        by, by_data = layer._backward(_layer(tensors), values, ctx.key, ctx.device, back)
        found = (by_data, by.h, *by.couplings)
        return None, None, None, *(torch.tensor(np.asarray(g)).to(data.device) for g in found)
