"""Seconds an epoch of training one layer of logic gates with learnable wiring, ours and torch's.

8,000 gates, 8 candidates an input, batch 256, 60,000 samples of 784 bits, both in this process in
turns. The peer is LILogicNet's scheme (arXiv 2511.12340, top-K wiring) written plainly in torch:
softmax over the candidates of each input, softmax over the 16 gates, class sums, cross entropy,
Adam. It is written in three ways (candidates gathered by column, by row, or scattered into a matrix
that multiplies the inputs); the fastest here is the peer. Of its epoch only some batches are run
and scaled up. Beside ours stand what its dot products and its passes over Adam's moments take by
themselves.

With --shapes: ours alone, 8,000 tables in all, of 2, 4 and 6 inputs (16, 8 and 8 candidates each, batches of
256, 256 and 512, as the presets have), in one layer and in two, in turns; CPU time an epoch, and of a table
relative to the first row. The last row is of six inputs with the batch of the others.
What a step costs depends on how many derivatives by class sums are not 0: their share stands beside. With
--tau 40 nearly all are in every shape, so that shapes do the same work; with the default a shape that learns
its samples faster does less. With --wirings, the same of two layers of 2 and 4 inputs: learnt, a tree, with
input bits for the second, and with the first one fixed.

Run: python benchmarks/logic_training.py [--rounds 5] [--threads 2] [--shapes | --wirings]
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import replace

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # spinning threads cost torch up to ten times

import numpy as np
import torch

from thermo.data import Dataset
from thermo.kernels.jit import njit
from thermo.kernels.logic.dots import GROUP, aligned, bits_of, dots8, path_code, simd_path
from thermo.kernels.logic.emit import address
from thermo.reproduce.host import this_host
from thermo.training.logic import LogicConfig
from thermo.training.logic.flow import Flow
from thermo.training.logic.images import Epoch
from thermo.training.logic.tables import TableTrainer
from thermo.training.tiles import Tiles

SAMPLES, FEATURES, GATES, K, BATCH, CLASSES, TAU = 60_000, 784, 8_000, 8, 256, 10, 7.0
TABLES = np.array([[(gate >> (3 - row)) & 1 for row in range(4)] for gate in range(16)])
# f = c0 + c1 a + c2 b + c3 ab
COEFFICIENTS = TABLES @ np.array([[1, -1, -1, 1], [0, 0, 1, -1], [0, 1, 0, -1], [0, 0, 0, 1]])


class Peer(torch.nn.Module):
    """Top-K wiring and 16 gates, relaxed. form : how the candidates' weighted sum is formed."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self.form = form
        self.register_buffer("wires", torch.randint(FEATURES, (2, GATES * K)))
        self.register_buffer("to_four", torch.tensor(COEFFICIENTS, dtype=torch.float32))
        self.scores = torch.nn.Parameter(0.1 * torch.randn(2, GATES, K))
        self.gates = torch.nn.Parameter(0.1 * torch.randn(GATES, 16))

    def side(self, x: torch.Tensor, side: int) -> torch.Tensor:
        """(batch, gates) of one input of every gate."""
        weights, wires = self.scores[side].softmax(-1), self.wires[side]
        if self.form == "columns":
            return (x[:, wires].view(-1, GATES, K) * weights).sum(-1)
        if self.form == "rows":
            chosen = x.T.contiguous()[wires].view(GATES, K, -1)
            return torch.bmm(weights.unsqueeze(1), chosen).squeeze(1).T
        matrix = torch.zeros(FEATURES * GATES)
        place = wires * GATES + torch.arange(GATES).repeat_interleave(K)
        return x @ matrix.index_add(0, place, weights.reshape(-1)).view(FEATURES, GATES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a, b = (self.side(x, k) for k in range(2))
        c = self.gates.softmax(-1) @ self.to_four
        y = c[:, 0] + c[:, 1] * a + c[:, 2] * b + c[:, 3] * a * b
        return y.view(-1, CLASSES, GATES // CLASSES).sum(-1) / TAU


def torch_batches(x: torch.Tensor, y: torch.Tensor, model: Peer, adam: torch.optim.Adam) -> None:
    for start in range(0, x.shape[0], BATCH):
        adam.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(x[start : start + BATCH]), y[start : start + BATCH])
        loss.backward()
        adam.step()


@njit(cache=True, nogil=True)
def dot_products(x, weights, wires, out, path):  # type: ignore[no-untyped-def]
    """The dot products of one batch by themselves; the same eight sums are written over."""
    rows, w, at, to = address(x), address(weights), address(wires), address(out)
    for i in range(0, wires.size, GROUP):
        dots8(w, rows, weights.size, at + 4 * i, to, path)


@njit(cache=True, nogil=True)
def passes(p, m, v):  # type: ignore[no-untyped-def]
    """Read and write parameters and moments once."""
    for i in range(p.size):
        m[i] += np.float32(1)
        v[i] += np.float32(1)
        p[i] += np.float32(1)


def timed(work, *arguments) -> tuple[float, float]:  # type: ignore[no-untyped-def]
    wall, cpu = time.perf_counter(), time.process_time()
    work(*arguments)
    return time.perf_counter() - wall, time.process_time() - cpu


CANDIDATES, BATCHES = {2: 16, 4: 8, 6: 8}, {2: BATCH, 4: BATCH, 6: 2 * BATCH}
HALVES = (GATES // 2, GATES // 2)
SHAPES = {
    (k, " + ".join(map(str, layers))): {"layers": layers, "batch": BATCHES[k]}
    for k in CANDIDATES
    for layers in ((GATES,), HALVES)
} | {(6, f"8000, of {BATCH}"): {"layers": (GATES,), "batch": BATCH}}
TREES = {2: (5340, 2670), 4: (6400, 1600)}
WIRINGS = {
    (k, name): changes
    for k in TREES
    for name, changes in {
        "8000": {"layers": (GATES,)},
        "4000 + 4000": {"layers": HALVES},
        "tree": {"layers": TREES[k], "wiring": "tree"},
        "input bits": {"layers": HALVES, "wiring": "residual"},
        "first fixed": {"layers": HALVES, "freeze": 0.01},  # after the first round, which is not timed
    }.items()
}


class Watched(TableTrainer):
    """shares : of each step, derivatives by class sums that are not 0"""

    def __init__(self, data: Dataset, config: LogicConfig) -> None:
        super().__init__(data, config)
        self.shares: list[float] = []

    def derive(
        self, flow: Flow, data: Epoch, part: slice, rng: np.random.Generator, seen: np.ndarray
    ) -> None:
        super().derive(flow, data, part, rng, seen)
        self.shares.append(float((flow.weights[:, : part.stop - part.start] != 0).mean()))


def shapes(cases: dict, data: Dataset, rounds: int, threads: int, tau: float) -> None:
    """Print what an epoch of each case takes. cases : settings by (inputs, name), the first of each inputs
    is what others are compared with
    """
    trainers = {
        (k, name): Watched(
            data, LogicConfig(**{"batch": BATCH} | changes, inputs=k, k=CANDIDATES[k], tau=tau, epochs=99)
        )
        for (k, name), changes in cases.items()
    }
    times: dict[tuple, list[float]] = {shape: [] for shape in cases}
    with Tiles(threads) as tiles:
        for turn in range(rounds + 1):  # the first compiles and warms up
            for shape, trainer in trainers.items():
                _, cpu = timed(trainer.one_pass, tiles)
                trainer.epoch += 1
                if turn:
                    times[shape].append(cpu * SAMPLES / data.y_train.size)
                else:
                    trainer.shares.clear()
    seconds = {shape: np.median(found) for shape, found in times.items()}
    print(
        f"{threads} threads, SIMD path {simd_path()}, load {os.getloadavg()[0]:.1f}; "
        f"tau {tau:g}, medians of {rounds} rounds of {data.y_train.size:,} samples"
    )
    told = "to one layer of these inputs  not 0, %  batch"
    print(f"inputs  layers        CPU s an epoch  a table, relative  {told}")
    first = next(iter(seconds.values()))
    for (k, name), cpu in seconds.items():
        relative = f"{cpu / first:17.2f}  {cpu / seconds[k, str(GATES)]:28.2f}"
        share = 100 * np.mean(trainers[k, name].shares)
        print(
            f"{k:<6d}  {name:12s}  {cpu:14.2f}  {relative}  {share:8.0f}  {trainers[k, name].config.batch:5d}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--batches", type=int, default=6, help="of the peer, each round")
    parser.add_argument("--shapes", action="store_true", help="ours alone, of several layers and inputs")
    parser.add_argument("--wirings", action="store_true", help="ours alone, two layers of all kinds")
    parser.add_argument("--tau", type=float, default=TAU, help="of the shapes")
    parser.add_argument("--samples", type=int, default=SAMPLES, help="of the shapes' epochs, scaled up")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    x = (rng.random((SAMPLES, FEATURES)) < 0.2).astype(np.float32)
    y = rng.integers(0, CLASSES, SAMPLES)
    data = Dataset("bench", x, y, x[:256], y[:256], x[:256], y[:256], CLASSES)
    if options.shapes or options.wirings:
        n, cases = options.samples, SHAPES if options.shapes else WIRINGS
        short = replace(data, x_train=x[:n], y_train=y[:n])
        return shapes(cases, short, options.rounds, options.threads, options.tau)
    ours = TableTrainer(data, LogicConfig(layers=(GATES,), k=K, batch=BATCH, tau=TAU, epochs=99))
    some = slice(0, options.batches * BATCH)
    tx, ty = torch.from_numpy(x[some]), torch.from_numpy(y[some])
    scale = SAMPLES / (options.batches * BATCH)
    peers = {}
    for form in ("columns", "rows", "matrix"):
        peer = Peer(form)
        adam = torch.optim.Adam(peer.parameters(), lr=0.075)
        peers[form] = lambda peer=peer, adam=adam: torch_batches(tx, ty, peer, adam)
        peers[form]()
    trial = {form: min(timed(work)[0] for _ in range(3)) for form, work in peers.items()}
    fastest = min(trial, key=trial.__getitem__)

    bits = bits_of(np.ascontiguousarray(x[:BATCH].T.astype(np.uint8)))
    weights = aligned((BATCH,), np.int8)
    wires = rng.integers(0, FEATURES, 2 * GATES * K).astype(np.int32)
    out, path = np.zeros(GROUP, np.int32), path_code()
    state = np.zeros((3, 2 * GATES * K + 4 * GATES), np.float32)
    steps = -(-SAMPLES // BATCH)

    def one_after_other(work, *arguments):  # type: ignore[no-untyped-def]
        for _ in range(steps):
            work(*arguments)

    with Tiles(options.threads) as tiles:

        def our_epoch() -> None:
            ours.one_pass(tiles)
            ours.epoch += 1

        rows = {
            "torch": peers[fastest],
            "ours": our_epoch,
            "dot products": lambda: one_after_other(dot_products, bits, weights, wires, out, path),
            "moments": lambda: one_after_other(passes, *state),
        }
        for work in rows.values():
            work()  # compiles, warms up
        times = {name: [] for name in rows}
        for _ in range(options.rounds):
            for name, work in rows.items():
                times[name].append(timed(work))
    wall, cpu = ({n: np.median([t[i] for t in times[n]]) for n in rows} for i in range(2))
    for table in (wall, cpu):
        table["torch"] *= scale
    print(
        f"{options.threads} threads, SIMD path {simd_path()}, {this_host()}, torch {torch.__version__}, load "
        f"{os.getloadavg()[0]:.1f}; {GATES:,} gates, K = {K}, batch {BATCH}, "
        f"{SAMPLES:,} x {FEATURES} bits, medians of {options.rounds} rounds"
    )
    for form, seconds in trial.items():
        mark = "  <- the peer" if form == fastest else ""
        print(f"torch, {form:<45s} {scale * seconds:8.3f} s{mark}")
    for name, what in (
        ("torch", f"torch, LILogicNet-style ({options.batches} batches, scaled)"),
        ("ours", "ours, one epoch"),
        ("dot products", "  its dot products alone, one thread"),
        ("moments", "  one pass over parameters and moments, one thread"),
    ):
        print(f"{what:52s} {wall[name]:8.3f} s {cpu[name]:8.3f} CPU s")
    products = steps * BATCH * wires.size
    limit = (cpu["dot products"] + cpu["moments"]) / options.threads
    print(f"dot products: {products / cpu['dot products'] / 1e9:.0f} G products/s a thread")
    print(f"moments: {2 * steps * state.nbytes / cpu['moments'] / 1e9:.1f} GB/s a thread")
    print(
        f"ratio: wall {wall['torch'] / wall['ours']:.0f}, CPU {cpu['torch'] / cpu['ours']:.0f} "
        f"(at least 40, goal 100); limit {limit:.3f} s, our share {limit / wall['ours']:.2f}"
    )


if __name__ == "__main__":
    main()
