"""Kernels as parts of a whole: translated to LLVM's language once, optimised once, with the kernel that Python calls.

Left alone, numba compiles every kernel that another one calls as if Python were to call it, too: it optimises it with
all that it calls in turn, makes machine code of it, a function that Python could call and a file of its cache. Of seven
levels of calls the lowest is then optimised seven times. Here a kernel is two things: a `Whole` where Python calls it,
and a part where another kernel does. A part stays as numba writes it, and the whole takes it in; LLVM then sees one
program, which is faster to compile and to run. Of numba's passes those are left out that concern what no kernel has:
closures, literal loops, array expressions, exceptions.

This stands on numba's documented `pipeline_class`, and on inner classes of it, which may change with any version:
`fits` says whether they are as they were in the versions tried. Where not, `_jit` compiles all kernels as numba does by
itself: the same numbers to rounding, after twice the wait. `benchmarks/compile_split.py` shows what is gained.
"""

from __future__ import annotations

import inspect
import operator
from typing import Any

import numba
from numba import _dynfunc
from numba.core import ir, typed_passes, types, untyped_passes
from numba.core.codegen import JITCodeLibrary, JITCPUCodegen
from numba.core.compiler import CompilerBase
from numba.core.compiler_machinery import PassManager, register_pass
from numba.core.cpu import CPUContext
from numba.core.ir_utils import build_definitions
from numba.core.registry import CPUDispatcher
from numba.core.ssa import reconstruct_ssa
from numba.core.types.containers import BaseTuple
from numba.core.types.misc import unliteral
from numba.core.typing import Context

from ._fold import folded

TRIED = ((0, 60), (0, 68))
"""First and last version of numba with which all tests of the kernels have passed."""


def fits() -> bool:
    """Say whether the numba installed is one of those tried, and its inner functions take what they are given here.

    Raises AttributeError where one is not there, ValueError for a version without number.
    """
    version = tuple(int(number) for number in numba.__version__.split(".")[:2])
    return TRIED[0] <= version <= TRIED[1] and all(
        list(inspect.signature(function).parameters) == names.split()
        for function, names in (
            (CPUDispatcher.__init__, "self py_func locals targetoptions pipeline_class"),
            (CPUDispatcher.get_call_template, "self args kws"),
            (CPUDispatcher.get_overload, "self sig"),
            (JITCodeLibrary.finalize, "self"),
            (JITCodeLibrary._raise_if_finalized, "self"),
            (JITCodeLibrary.enable_object_caching, "self"),
            (JITCodeLibrary._get_compiled_object, "self"),
            (CPUContext.subtarget, "self kws"),
            (CPUContext.insert_user_function, "self func fndesc libs"),
            (JITCPUCodegen.set_env, "self env_name env"),
            (Context.resolve_function_type, "self func args kws"),
            (Context.resolve_setitem, "self target index value"),
            (Context.resolve_value_type, "self val"),
            (types.Function.get_call_type, "self context args kws"),
            (typed_passes.NativeLowering.run_pass, "self state"),
            (typed_passes.PreLowerStripPhis._strip_phi_nodes, "self func_ir"),
            (untyped_passes.ReconstructSSA._patch_locals, "self state"),
            (reconstruct_ssa, "func_ir"),
            (build_definitions, "blocks definitions"),
            (CompilerBase.compile_extra, "self func"),
            (CompilerBase.define_pipelines, "self"),
            (PassManager.add_pass, "self pss description"),
        )
    )


class PartLibrary(JITCodeLibrary):  # type: ignore[misc]  # numba carries no types
    """LLVM code of one part: linked into wholes as it is, never made machine code."""

    environment: tuple[str, Any]
    """Name and value of what numba calls the environment of a function, which each whole has to be told."""

    def finalize(self) -> None:
        """Leave linking and optimising to the whole."""
        self._raise_if_finalized()
        self._finalized = True


class WholeLibrary(JITCodeLibrary):  # type: ignore[misc]
    """Code of a kernel that Python calls, with that of all its parts."""

    def finalize(self) -> None:
        """Link, optimise and make machine code."""
        # LLVM takes in what something in here asks for already: who calls has to come before what is called.
        self._linking_libraries.sort(key=lambda one: -_depth(one))
        super().finalize()

    def _get_compiled_object(self) -> Any:
        """Return the machine code for the cache; an interrupt while it was made is raised here.

        It reaches Python within a function that LLVM calls, where it would be lost, and the machine code with it.
        """
        if self._compiled_object is None:
            raise KeyboardInterrupt
        return super()._get_compiled_object()


def _depth(library: Any) -> int:
    """Return a number that is larger for a part than for any part that it calls, itself or through others."""
    return 1 + len(set(library._linking_libraries)) if isinstance(library, PartLibrary) else 0


class RememberingContext(Context):  # type: ignore[misc]
    """Numba's types of operations, each looked up once.

    For every ``a + b`` or ``a[i]`` numba asks a dozen candidates anew whether they fit, text and lists before numbers.
    """

    def __init__(self, context: Any) -> None:
        self.__dict__ = context.__dict__
        self.__dict__.setdefault("spacecharge_signatures", {})

    def _remembered(self, function: Any, args: tuple[Any, ...]) -> Any:
        known: dict[Any, tuple[Any, Any]] = self.spacecharge_signatures
        before = known.get((function, args))
        if before is not None and before[0] is function:
            return before[1]
        signature = super().resolve_function_type(function, args, {})
        if signature is not None:
            known[function, args] = function, signature
        return signature

    def resolve_function_type(self, func: Any, args: Any, kws: Any) -> Any:
        """Return the signature of a call."""
        if not kws and (isinstance(func, types.Function) or func is operator.getitem):
            return self._remembered(func, tuple(args))
        return super().resolve_function_type(func, args, kws)

    def resolve_setitem(self, target: Any, index: Any, value: Any) -> Any:
        """Return the signature of ``target[index] = value``."""
        return self._remembered(self.resolve_value_type(operator.setitem), (target, index, value))


class KnownFunction(types.Function):
    """An operation as lowering asks for it: each pair of types is looked up once.

    For every ``a + b`` or ``a[i]`` that it writes numba goes through all candidates again, as in typing.
    """

    def get_call_type(self, context: Any, args: Any, kws: Any) -> Any:
        """Return the signature of a call."""
        if kws:
            return super().get_call_type(context, args, kws)
        known = self.__dict__.setdefault("_known", {})
        if args not in known:
            known[args] = super().get_call_type(context, args, kws)
        return known[args]

    def get_impl_key(self, sig: Any) -> Any:
        """Return what the code of a call is found by; typing has asked numba's own function for some."""
        keys: dict[Any, Any] = vars(self)["_impl_keys"]
        return keys[sig.args] if sig.args in keys else types.Function(vars(self)["templates"]).get_impl_key(sig)


class LoweringContext(RememberingContext):
    """Numba's types as lowering asks for them."""

    def resolve_value_type(self, val: Any) -> Any:
        """Return the type of a constant, that of an operator with a memory."""
        found = super().resolve_value_type(val)
        if type(found) is not types.Function or getattr(val, "__module__", "") != "_operator":
            return found
        # Numba keeps no type that nobody holds.
        kept = self.__dict__.setdefault("spacecharge_functions", {})
        if found not in kept:
            kept[found] = KnownFunction(found.templates)
        return kept[found]


def _holds_array(kind: Any) -> bool:
    if isinstance(kind, BaseTuple):
        return any(map(_holds_array, kind))
    return isinstance(kind, types.Array)


VIEWS = ("getitem", "static_getitem", "exhaust_iter", "cast")
"""Operations that hand out an array, or a part of one, that somebody else holds."""


def _makes_arrays(state: Any) -> bool:
    """Say whether a kernel makes arrays, takes or hands out those of its calls, or copies one into another.

    These are to be counted; the last may be done by way of a third.
    """
    made = [state.return_type]
    for node, signature in state.calltypes.items():
        if isinstance(node, ir.SetItem | ir.StaticSetItem):
            made.append(signature.args[-1])
        elif isinstance(node, ir.Expr) and node.op not in VIEWS and signature is not None:
            made.append(signature.return_type)
    return any(map(_holds_array, made))


@register_pass(mutates_CFG=True, analysis_only=False)
class Versions(untyped_passes.ReconstructSSA):  # type: ignore[misc]
    """Numba's versions of variables, without finding out where each lives: that is done before lowering, once."""

    _name = "kernel_versions"

    def run_pass(self, state: Any) -> bool:
        """Give every assignment to a variable a name of its own."""
        state.func_ir = reconstruct_ssa(state.func_ir)
        self._patch_locals(state)
        state.func_ir._definitions = build_definitions(state.func_ir.blocks)
        return True


@register_pass(mutates_CFG=True, analysis_only=False)
class StripPhis(typed_passes.PreLowerStripPhis):  # type: ignore[misc]
    """The same of what joins them again; no kernel is a generator."""

    _name = "kernel_strip_phis"

    def run_pass(self, state: Any) -> bool:
        """Turn every join into assignments."""
        state.func_ir = self._strip_phi_nodes(state.func_ir)
        state.func_ir._definitions = build_definitions(state.func_ir.blocks)
        return True


@register_pass(mutates_CFG=True, analysis_only=False)
class PartLowering(typed_passes.NativeLowering):  # type: ignore[misc]
    """Writes the LLVM code of a part, and makes it known to the kernels that call it."""

    _name = "part_lowering"

    def run_pass(self, state: Any) -> bool:
        """Fill ``state["cr"]``."""
        library = PartLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library = library
        state.flags.no_compile = True
        # Arrays that the caller holds need no counting of who uses them.
        counted = state.targetctx.enable_nrt and _makes_arrays(state)
        state.targetctx = state.targetctx.subtarget(enable_nrt=counted, typing_context=LoweringContext(state.typingctx))
        super().run_pass(state)
        lowered = state["cr"]
        described = lowered.fndesc
        library.environment = described.env_name, lowered.env
        # By this object numba finds the part where a kernel calls it; calling it from Python is not for anybody.
        key = _dynfunc.make_function(described.lookup_module(), described.qualname, "", 0, lowered.env, (library,))
        parts = list(dict.fromkeys([library, *library._linking_libraries]))
        state.targetctx.insert_user_function(key, described, parts)
        state["cr"] = lowered._replace(cfunc=key)
        return True


@register_pass(mutates_CFG=True, analysis_only=False)
class WholeLowering(typed_passes.NativeLowering):  # type: ignore[misc]
    """Makes the machine code of a whole with all its parts."""

    _name = "whole_lowering"

    def run_pass(self, state: Any) -> bool:
        """Fill ``state["cr"]``."""
        state.library = WholeLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        state.targetctx = state.targetctx.subtarget(typing_context=LoweringContext(state.typingctx))
        super().run_pass(state)
        codegen = state.library.codegen
        for library in state.library._linking_libraries:
            # LLVM drops what nobody asks for.
            if isinstance(library, PartLibrary) and codegen._engine.get_global_value_address(library.environment[0]):
                codegen.set_env(*library.environment)
        return True


class WholeCompiler(CompilerBase):  # type: ignore[misc]
    """Numba's passes for a kernel that Python calls."""

    lowering: Any = WholeLowering

    def compile_extra(self, func: Any) -> Any:
        """Compile a function, its constants worked out."""
        return super().compile_extra(folded(func))

    def define_pipelines(self) -> list[Any]:
        """Return the passes."""
        self.state.typingctx = RememberingContext(self.state.typingctx)
        passes = PassManager("kernel")
        for one in (
            untyped_passes.TranslateByteCode,
            untyped_passes.FixupArgs,
            untyped_passes.DeadBranchPrune,
            untyped_passes.GenericRewrites,
            Versions,
            typed_passes.NopythonTypeInference,
            StripPhis,
            typed_passes.IRLegalization,
            self.lowering,
            typed_passes.NoPythonBackend,
        ):
            passes.add_pass(one, one.__name__)
        passes.finalize()
        return [passes]


class PartCompiler(WholeCompiler):
    """Numba's passes for a kernel that other kernels call."""

    lowering = PartLowering


class Whole(CPUDispatcher):  # type: ignore[misc]
    """A kernel: a function for Python, a part for other kernels."""

    @property
    def part(self) -> Any:
        """The dispatcher of the same function as a part."""
        part = self.__dict__.get("_part")
        if part is None:
            options = self.targetoptions | {"no_cpython_wrapper": True}
            part = self._part = CPUDispatcher(self.py_func, targetoptions=options, pipeline_class=PartCompiler)
        return part

    def get_call_template(self, args: Any, kws: Any) -> Any:
        """Return how other kernels call the part: with any number, where numba would make a copy for each literal."""
        return self.part.get_call_template(tuple(map(unliteral, args)), kws)

    def get_overload(self, sig: Any) -> Any:
        """Return the key under which they find it."""
        return self.part.get_overload(sig)
