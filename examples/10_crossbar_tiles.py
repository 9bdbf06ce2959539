"""An ordinary network on tiles of phase-change devices: accuracy with their age, and joules of an answer."""

from compiler import compile
from hw_models import crossbar_target
from thermo.data import load_dataset
from thermo.energy import estimate
from thermo.evaluate import evaluate
from thermo.training import train_mlp

digits = load_dataset("digits")
network = train_mlp(digits, (32,), "relu", epochs=30).model
tiles = compile(network, target=crossbar_target("crossbar-64"))
print(f"{tiles!r}, exact sums: {100 * evaluate(tiles, digits)[0].accuracy:.1f} %")
for age in ("25s", "1h", "1d", "1y"):
    found = evaluate(tiles, digits, device="pcm-tile", at=age)[0]
    print(f"{age:>4} after programming: {100 * found.accuracy:.1f} %")
price = estimate(tiles, digits, device="pcm-tile", at="1h", baselines=())
print(f"{1e9 * price.energy.total:.2f} nJ an answer, {1e9 * price.energy.seconds:.0f} ns")
