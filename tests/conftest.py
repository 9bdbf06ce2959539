"""Settings of all tests: property tests draw the same examples every time and are never timed."""

from contextlib import nullcontext

import pytest
from hypothesis import settings

settings.register_profile("house", deadline=None, derandomize=True)
settings.load_profile("house")


@pytest.fixture(autouse=True)
def quiet_compilation(monkeypatch):
    """Commands do not say that kernels compile: what they write must not depend on an empty cache."""
    monkeypatch.setattr("compiler.jit.telling", lambda told: nullcontext())
