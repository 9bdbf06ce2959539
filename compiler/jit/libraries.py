"""Libraries of compiled code that are optimised and become machine code where they are called from Python.
Importing this imports numba.

numba optimises every function it compiles and makes machine code of it. A kernel that other kernels call is
linked into theirs before that and never runs by itself, nor do numba's own functions: a third of all
compiling.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from numba.core.codegen import JITCodeLibrary
from numba.core.environment import lookup_environment

_WRAPPER = "_ZN7cpython"  # what the names of wrappers for Python begin with


class LazyLibrary(JITCodeLibrary):
    """numba's, but that LLVM optimises it only where Python can call into it, and makes machine code of it
    on the first question for an address in it.

    Where nobody has asked, bitcode is kept on disk. What is linked into another library is optimised there,
    after it was inlined.
    """

    _emitted = False

    def _optimize_final_module(self) -> None:
        if any(function.name.startswith(_WRAPPER) for function in self.get_defined_functions()):
            super()._optimize_final_module()

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._verify_declare_only_symbols()
        self._finalized = True

    def _emit(self) -> None:
        self._emitted = True
        super()._finalize_final_module()
        # numba has done this for functions that were machine code; others are linked into this one
        codegen: Any = self._codegen
        for variable in self._final_module.global_variables:
            environment = lookup_environment(variable.name)
            if environment is not None:
                codegen.set_env(variable.name, environment)

    def get_pointer_to_function(self, name: str) -> Any:
        """The function's address; 0 where there is none of that name."""
        self._ensure_finalized()
        if not self._emitted:
            if all(function.name != name for function in self.get_defined_functions()):
                return 0
            self._emit()
        return super().get_pointer_to_function(name)

    def serialize_using_object_code(self) -> Any:
        """What is kept on disk."""
        self._ensure_finalized()
        if self._emitted:
            return super().serialize_using_object_code()
        return self.name, "bitcode", self._get_module_for_linking().as_bitcode()

    @classmethod
    def _unserialize(cls, codegen: Any, state: Any) -> Any:
        library = super()._unserialize(codegen, state)
        if state[1] == "object":  # machine code already
            library._emit()
        return library


@contextmanager
def machine_code_when_asked(codegen: Any) -> Iterator[None]:
    """Inside, what this numba code generator compiles or reads is a LazyLibrary.

    To be entered with numba's compiler lock held.
    """
    if "_library_class" in vars(codegen):
        yield
        return
    set_environment = codegen.set_env

    def set_where_emitted(name: str, environment: Any) -> None:
        if codegen._engine.is_symbol_defined(name):
            set_environment(name, environment)

    codegen._library_class, codegen.set_env = LazyLibrary, set_where_emitted
    try:
        yield
    finally:
        del codegen._library_class, codegen.set_env
