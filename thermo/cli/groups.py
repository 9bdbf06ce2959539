"""Flags in groups: what stands under which heading of a command's help."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand

HEADINGS = {
    "Data": "data data_dir split limit samples threshold thresholds quantiles bit_order encoding augment "
    "rows",
    "Device": "device at couplings input_bits output_bits mismatch asymmetry bits bias_mismatch device_seed "
    "regime weight_bits state_noise read_noise read_bits flipped noise_bandwidth read clock wire ir_drop "
    "scale_inputs ranges_at weight_memory flip stuck",
    "Price": "rate weights digital library objective dont_use adder accuracy alone always_on fewest_bits "
    "reset_stiffness reset_time reset_couplings swept",
    "Training": "epochs batch batches learning_rate heat_penalty heat_budget coupling_penalty penalty method "
    "start hidden estimator beta points forward parametrisation candidates gates update rule init "
    "perturbation directions replicas replica_coupling persistent homeostasis homeostasis_draws angle "
    "diagnose schedule patience smoothing teacher teacher_share teacher_temperature",
    "Target": "target working_graph missing O rescale quantize limit_degree symmetrize embed double_well "
    "chain_strength embedder barrier flip_rate tolerance input_gain slices slice_bits unrolled",
    "Foreign files": "activation output_activation head classes tau wiring four_weights inputs widths top "
    "cut_latches as_ weight field",
    "Running": "seed threads backend runs kT dt engine checkpoint log jobs scheduler",
    "Output": "out save picture testbench json as_json markdown liberty",
}
"""By heading: flags by their names in Python."""
ELSEWHERE = {
    "train": {"Training": "rate activation inputs wiring tau"},
    "study": {"Training": "activation inputs"},
    "simulate": {"Running": "method"},
    "compile": {"Target": "library"},
    "check": {"Foreign files": "library"},
    "export": {"Target": "library objective dont_use"},
}
"""By the first word of a command: flags that mean something else there."""
_OF = {name: heading for heading, names in HEADINGS.items() for name in names.split()}
OTHER = "Options"
CONFIG = ("--config <path>", "Flags from a file.toml; those given here have the last word.")


class GroupedCommand(TyperCommand):
    """A command whose help has its flags under headings, defaults beside them."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        arguments: list[tuple[str, str]] = []
        groups: dict[str, list[tuple[str, str]]] = {heading: [] for heading in (OTHER, *HEADINGS)}
        verb = next(iter(ctx.command_path.split()[1:]), "")
        own = {n: h for h, names in ELSEWHERE.get(verb, {}).items() for n in names.split()}
        for parameter in self.get_params(ctx):
            row = parameter.get_help_record(ctx)
            if row is None:
                continue
            if parameter.param_type_name == "argument":
                arguments.append(row)
            else:
                name = str(parameter.name)
                groups[own.get(name) or _OF.get(name, OTHER)].append(row)
        groups["Output"].append(CONFIG)
        groups["Output"].sort(key=lambda row: row[0].startswith("--help"))
        for heading, rows in {"Arguments": arguments, **groups}.items():
            if rows:
                with formatter.section(heading):
                    formatter.write_dl(rows)
