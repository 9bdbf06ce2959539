"""thermoc completion: scripts for shells, written from the commands' tables; they start no Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from compiler.errors import UnsupportedError
from thermo.cli.console import emit, manifest
from thermo.cli.describe import Flag, flags_of, function_of, value_word
from thermo.cli.flags import AS_JSON, Given, with_flags
from thermo.cli.main import COMMANDS, GROUPS


@with_flags(AS_JSON)
def completion(shell: Annotated[str, typer.Argument(help="bash, zsh or fish.")], given: Given) -> None:
    """Print a script that completes commands and flags in bash, zsh or fish.

    bash: thermoc completion bash > ~/.local/share/bash-completion/completions/thermoc

    zsh: thermoc completion zsh > a folder of $fpath, as _thermoc

    fish: thermoc completion fish > ~/.config/fish/completions/thermoc.fish

    Example: thermoc completion bash > thermoc.bash && source thermoc.bash
    """
    if shell not in WRITERS:
        raise UnsupportedError(f"completion is written for {', '.join(WRITERS)}, not for {shell!r}")
    script = WRITERS[shell](tables())
    emit({"shell": shell, "script": script, "manifest": manifest()}, given["json"], script)


def tables() -> dict[str, list[Flag]]:
    """Flags of every command by its name."""
    return {name: flags_of(function_of(place)) for name, (place, _) in COMMANDS.items()}


def values() -> dict[str, tuple[str, ...]]:
    """Names that a flag's value may be, beside files."""
    from hw_models.cell_presets import CELL_LIBRARIES
    from hw_models.presets import CROSSBARS, DEVICES, PBITS
    from hw_models.targets import TARGETS
    from thermo.data import NAMES

    return {
        "--data": NAMES,
        "--device": (*DEVICES.names(), *CROSSBARS.names(), *PBITS.names()),
        "--target": tuple(TARGETS.names()),
        "--library": tuple(CELL_LIBRARIES.names()),
        "--split": ("train", "valid", "test"),
    }


def _words(flags: Sequence[Flag]) -> str:
    return " ".join([word for flag in flags for word in flag.words] + ["--config", "--help"])


def _first_words() -> str:
    return " ".join(dict.fromkeys(name.split()[0] for name in COMMANDS)) + " --help --version"


def bash(commands: Mapping[str, Sequence[Flag]]) -> str:
    """The script for bash."""
    cases = [f'    "{name}") words="{_words(flags)}" ;;' for name, flags in commands.items()]
    for group in GROUPS:
        leaves = " ".join(name.split()[1] for name in commands if name.startswith(f"{group} "))
        cases.append(f'    "{group}") words="{leaves} --help" ;;')
    known = [f'    {flag}) names="{" ".join(names)}" ;;' for flag, names in values().items()]
    groups = "|".join(GROUPS)
    return f"""# completion of thermoc for bash, written by `thermoc completion bash`
_thermoc() {{
  local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD-1]}} command="" words="" names=""
  local end=1
  [[ $COMP_CWORD -gt 1 ]] && command=${{COMP_WORDS[1]}} && end=2
  case $command in
    {groups}) [[ $COMP_CWORD -gt 2 ]] && command="$command ${{COMP_WORDS[2]}}" ;;
  esac
  case $prev in
{chr(10).join(known)}
  esac
  case $command in
    "") words="{_first_words()}" ;;
{chr(10).join(cases)}
  esac
  COMPREPLY=()
  if [[ $prev == --* && -n $names ]]; then
    COMPREPLY=($(compgen -W "$names" -- "$cur"))
  elif [[ $cur == -* || $words != *" --config "* ]]; then
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
  fi
  if [[ ${{#COMPREPLY[@]}} -eq 0 && $cur != -* && -n $command ]]; then
    compopt -o default 2> /dev/null
  fi
}}
complete -F _thermoc thermoc
"""


def zsh(commands: Mapping[str, Sequence[Flag]]) -> str:
    """The script for zsh."""
    cases = []
    for name, flags in commands.items():
        rows = " ".join(_quoted(f"{word}:{flag.help}") for flag in flags for word in flag.words)
        cases.append(f"    {_quoted(name)}) flags=({rows} '--config:Flags from a file.toml' '--help') ;;")
    known = [
        f"    {flag}) compadd -- {' '.join(names)}; _files; return ;;" for flag, names in values().items()
    ]
    first = [f"{word}:{_line(word)}" for word in dict.fromkeys(name.split()[0] for name in commands)]
    leaves = []
    for group in GROUPS:
        names = [name for name in commands if name.startswith(f"{group} ")]
        rest = " ".join(_quoted(f"{name.split()[1]}:{COMMANDS[name][1]}") for name in names)
        leaves.append(f"    {group}) rest=({rest}) ;;")
    return f"""#compdef thermoc
# completion of thermoc for zsh, written by `thermoc completion zsh`
_thermoc() {{
  local -a first rest flags
  local command=""
  first=({" ".join(map(_quoted, first))})
  if (( CURRENT == 2 )); then
    _describe 'command' first
    return
  fi
  command=$words[2]
  case $command in
{chr(10).join(leaves)}
  esac
  if (( ${{#rest}} )); then
    if (( CURRENT == 3 )); then
      _describe 'command' rest
      return
    fi
    command="$command $words[3]"
  fi
  case $words[CURRENT-1] in
{chr(10).join(known)}
  esac
  case $command in
{chr(10).join(cases)}
  esac
  if [[ $words[CURRENT] == -* ]]; then
    _describe 'flag' flags
  else
    _files
  fi
}}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _thermoc "$@"
else
  compdef _thermoc thermoc
fi
"""


def fish(commands: Mapping[str, Sequence[Flag]]) -> str:
    """The script for fish."""
    lines = ["# completion of thermoc for fish, written by `thermoc completion fish`"]
    firsts = list(dict.fromkeys(name.split()[0] for name in commands))
    for word in firsts:
        lines.append(f"complete -c thermoc -f -n __fish_use_subcommand -a {word} -d {_quoted(_line(word))}")
    for name, flags in commands.items():
        words = name.split()
        seen = " && ".join(f"__fish_seen_subcommand_from {word}" for word in words)
        if len(words) > 1:
            others = " ".join(n.split()[1] for n in commands if n.startswith(f"{words[0]} "))
            when = f"__fish_seen_subcommand_from {words[0]} && not __fish_seen_subcommand_from {others}"
            lines.append(
                f"complete -c thermoc -f -n {_quoted(when)} -a {words[1]} -d {_quoted(COMMANDS[name][1])}"
            )
        for flag in flags:
            lines += _fish_flag(flag, seen)
    return "\n".join(lines) + "\n"


def _fish_flag(flag: Flag, seen: str) -> list[str]:
    ways = " ".join(
        f"-l {w[2:]}" if w.startswith("--") else f"-s {w[1:]}" for w in flag.words if w != flag.off
    )
    needs = " -r" if value_word(flag) else ""
    names = values().get(flag.long)
    given = f" -a {_quoted(' '.join(names))}" if names else ""
    lines = [f"complete -c thermoc -n {_quoted(seen)} {ways}{needs}{given} -d {_quoted(flag.help)}"]
    if flag.off:
        lines.append(f"complete -c thermoc -n {_quoted(seen)} -l {flag.off[2:]} -d {_quoted(flag.help)}")
    return lines


def _line(word: str) -> str:
    """What a first word is, for lists."""
    return GROUPS[word] if word in GROUPS else COMMANDS[word][1]


def _quoted(text: str) -> str:
    """In single quotes, which every one of the shells reads alike."""
    return "'" + text.replace("'", "’").replace("\\", "") + "'"


WRITERS = {"bash": bash, "zsh": zsh, "fish": fish}
