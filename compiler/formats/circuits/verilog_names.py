"""Identifiers of Verilog-2001."""

from __future__ import annotations

import re

_SIMPLE = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")
# words that a port may be called by in other formats; as an escaped name they are no keyword
_WORDS = """
    always and assign begin buf bufif0 bufif1 case casex casez cell cmos config deassign default
    defparam design disable edge else end endcase endconfig endfunction endgenerate endmodule
    endprimitive endspecify endtable endtask event for force forever fork function generate genvar
    highz0 highz1 if ifnone incdir include initial inout input instance integer join large liblist
    library localparam macromodule medium module nand negedge nmos nor noshowcancelled not notif0
    notif1 or output parameter pmos posedge primitive pull0 pull1 pulldown pullup
    pulsestyle_ondetect pulsestyle_onevent rcmos real realtime reg release repeat rnmos rpmos
    rtran rtranif0 rtranif1 scalared showcancelled signed small specify specparam strong0 strong1
    supply0 supply1 table task time tran tranif0 tranif1 tri tri0 tri1 triand trior trireg
    unsigned use uwire vectored wait wand weak0 weak1 while wire wor xnor xor
    class logic bit byte int do final unique priority enum struct union string void
"""
_KEYWORDS = frozenset(_WORDS.split())
LEGAL = r"[!-~]+"


def escaped(name: str) -> str:
    """The name as Verilog writes it: itself, or escaped and ended by a space."""
    if _SIMPLE.fullmatch(name) and name not in _KEYWORDS:
        return name
    return f"\\{name} "


def declared(kind: str, width: int, name: str) -> str:
    """`wire [3:0] x`; one bit is no vector."""
    return f"{kind} {name}" if width == 1 else f"{kind} [{width - 1}:0] {name}"
