"""Settings that validation images chose, by method: the least -ln p of 2,000 of MNIST.

With 2,000 training images, 100 hidden units and 100 passes, of a seed that no study runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hw_models.frozen import Frozen

PRESETS: Mapping[str, Mapping[str, Any]] = Frozen(
    {
        "adam": {"step": 0.0005},
        "adam-prior": {"step": 0.02},
        "ensemble": {"step": 0.006},
        "sgld": {"step": 0.8},
        "sa-sgld": {"step": 1.0},
    }
)
SHARED: Mapping[str, Any] = Frozen({"prior": 10.0, "temperature": 0.05})
