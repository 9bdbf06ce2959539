"""One batch on several JAX devices: its parts shared out, their sums put together.

A batch is cut into parts, whose number has nothing to do with that of the devices. Each part is computed by
one program, whoever runs it, and sums run over parts in their order, so that the number of devices changes no
bit of a training.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

AXIS = "parts"

# unchecked: a gradient by what all devices hold is a part's own, not the sum over devices
if hasattr(jax, "shard_map"):
    _shard_map = partial(jax.shard_map, check_vma=False)
else:  # before JAX 0.6
    from jax.experimental.shard_map import shard_map

    _shard_map = partial(shard_map, check_rep=False)


def mesh_of(parts: int, devices: Sequence[Any] | None = None) -> Mesh:
    """As many devices as share `parts` evenly. devices : JAX's by default"""
    found = jax.devices() if devices is None else list(devices)
    count = max(n for n in range(1, min(parts, len(found)) + 1) if parts % n == 0)
    return Mesh(np.array(found[:count]), (AXIS,))


def everywhere(tree: Any, mesh: Mesh) -> Any:
    """The arrays, whole on every device."""
    return jax.device_put(tree, NamedSharding(mesh, PartitionSpec()))


def shared_out(tree: Any, mesh: Mesh) -> Any:
    """The arrays, each cut along its first axis, whose length is a multiple of the devices' number."""
    return jax.device_put(tree, NamedSharding(mesh, PartitionSpec(AXIS)))


def summed(function: Callable[[Any, Any], Any], mesh: Mesh) -> Callable[[Any, Any], Any]:
    """(whole, parts) -> sum over k of function(whole, parts[k]), to be jitted.

    whole : what every part needs; parts : arrays whose first axis counts parts
    """

    def of_device(whole: Any, parts: Any) -> Any:
        return jax.lax.map(lambda part: function(whole, part), parts)

    spread = _shard_map(
        of_device, mesh=mesh, in_specs=(PartitionSpec(), PartitionSpec(AXIS)), out_specs=PartitionSpec(AXIS)
    )

    def total(whole: Any, parts: Any) -> Any:
        each = jax.lax.with_sharding_constraint(spread(whole, parts), NamedSharding(mesh, PartitionSpec()))
        return jax.tree.map(_in_order, each)

    return total


def _in_order(each: Any) -> Any:
    """Sum along the first axis, one after the other: compilers may take any order for jnp.sum."""
    return jax.lax.fori_loop(1, each.shape[0], lambda k, total: total + each[k], jnp.asarray(each[0]))
