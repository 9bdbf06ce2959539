"""Sets of laws of memories that have been measured, by name; each a device's `laws`.

Figures are those of open simulators, which say which measurement theirs are fits of; where this file fits
again it says so. CrossSim draws cells of each time anew; here a cell keeps what it was programmed to.
"""

from __future__ import annotations

from hw_models.laws.drift import Drift
from hw_models.laws.law import Law
from hw_models.laws.on_off import OnOff
from hw_models.laws.pcm import COMPENSATION, PCM
from hw_models.laws.programming import ProgrammingNoise
from hw_models.laws.pulsed import PulsedUpdate
from hw_models.laws.read import WhiteRead
from hw_models.laws.relaxation import Relaxation
from hw_models.registry import Registry
from hw_models.source import Quantity, Source

_MILO = "CrossSim 3, RRAM_Milo, fit of Milo et al., IRPS 2021, fig. 4"
_CMO = "aihwkit 1.1.0, ReRamCMONoiseModel, after Falcone et al., CMO/HfOx"
_WAN = "aihwkit 1.1.0, ReRamWan2022NoiseModel, fit of Wan et al., Nature 608, 504 (2022)"
_SONOS = "CrossSim 3, SONOS, fit of Agrawal et al., IEDM 2022, 21.7"
_EXACT = Source("exact", "a law of one parameter")


def _figure(value: float, unit: str, kind: str, ref: str, locator: str = "") -> Quantity:
    return Quantity(value, unit, Source(kind, ref, locator))


def _constant_exponent(nu: Quantity, spread: Quantity, t0: Quantity) -> Drift:
    """Drift of one exponent whatever the conductance."""
    none = Quantity(0.0, "1", _EXACT)
    return Drift(
        mean=nu,
        mean_slope=none,
        mean_low=nu,
        mean_high=nu,
        spread=spread,
        spread_slope=none,
        spread_low=spread,
        spread_high=spread,
        t0=t0,
    )


_RERAM_HFO2: tuple[Law, ...] = (
    OnOff(ratio=_figure(4.5, "1", "code", _MILO, "50 to 225 uS")),
    ProgrammingNoise(
        constant=_figure(4.782321 / 225, "1", "code", _MILO, "over 225 uS"),
        linear=_figure(-0.009107, "1", "code", _MILO, "IGVVA-100"),
    ),
    WhiteRead(constant=_figure(0.01, "1", "code", _CMO, "about 1 % of short-term read noise")),
)

_RERAM_CMO: tuple[Law, ...] = (
    OnOff(ratio=_figure(88.2 / 9.0, "1", "code", _CMO, "9 to 88.2 uS")),
    ProgrammingNoise(
        constant=_figure(0.0112185391 / 88.2, "1", "code", _CMO, "2 % acceptance, over 88.2 uS"),
        linear=_figure(0.01129027418, "1", "code", _CMO, "2 % acceptance"),
    ),
    Relaxation(
        shift=_figure(0.08900206 / 88.2, "1", "code", _CMO, "a unit of ln t, over 88.2 uS"),
        spread=_figure(0.41183342 / 88.2, "1", "code", _CMO, "over 88.2 uS"),
        slope=_figure(0.04201137 / 88.2, "1", "code", _CMO, "over 88.2 uS"),
        t0=_figure(1.0, "s", "code", _CMO, "t in seconds"),
    ),
    WhiteRead(constant=_figure(0.01, "1", "code", _CMO, "about 1 % of short-term read noise")),
)

_RERAM_WAN: tuple[Law, ...] = (
    ProgrammingNoise(
        constant=_figure(0.348 / 40, "1", "code", _WAN, "1 s, over 40 uS"),
        linear=_figure(16.030 / 40, "1", "code", _WAN, "1 s"),
        quadratic=_figure(-43.853 / 40, "1", "code", _WAN, "1 s"),
        cubic=_figure(45.393 / 40, "1", "code", _WAN, "1 s"),
        quartic=_figure(-16.815 / 40, "1", "code", _WAN, "1 s"),
    ),
    WhiteRead(constant=_figure(0.01, "1", "code", _WAN, "about 1 % of short-term read noise")),
)

_SONOS_LAWS: tuple[Law, ...] = (
    ProgrammingNoise(
        constant=Quantity(0.0, "1", _EXACT),
        saturating=_figure(19.88665 / 1600, "1", "code", _SONOS, "A at programming, over 1.6 uA"),
        knee=_figure(176.3115 / 1600, "1", "code", _SONOS, "B at programming, over 1.6 uA"),
    ),
    # variances of programming taken out of those at 1 and 5 days, 25.59 and 34.58 nA
    Relaxation(
        shift=Quantity(0.0, "1", _EXACT),
        spread=_figure(16.1 / 1600, "1", "derived", _SONOS, "what 1 day adds, A; 2 to 4 days within 4 %"),
        slope=_figure(7.58 / 1600, "1", "derived", _SONOS, "what 5 days add, A"),
        t0=_figure(86400.0, "s", "code", _SONOS, "1 day"),
        knee=_figure(190.0 / 1600, "1", "derived", _SONOS, "mean of B, 187 to 207 nA"),
    ),
    # -24.9 nA and -37.9 nA of 800 nA after 1 and 5 days
    _constant_exponent(
        _figure(0.0098, "1", "derived", _SONOS, "mean currents at 800 nA, 1 and 5 days"),
        Quantity(0.0, "1", _EXACT),
        _figure(3600.0, "s", "derived", _SONOS, "likewise"),
    ),
    WhiteRead(
        constant=Quantity(0.0, "1", _EXACT),
        saturating=_figure(12.58037 / 1600, "1", "code", _SONOS, "A_noise over 1.6 uA"),
        knee=_figure(215.36557 / 1600, "1", "code", _SONOS, "B_noise over 1.6 uA"),
    ),
)

_GONG = "aihwkit 1.1.0, ReRamSBPresetDevice, loose fit of Gong et al., Nat. Commun. 9, 2102 (2018)"
_LI = "aihwkit 1.1.0, CapacitorPresetDevice, fit of Li et al., VLSI 2018"
_TANG = "aihwkit 1.1.0, EcRamPresetDevice, fit of Tang et al., IEDM 2018"
_HEADROOM = Quantity(4.0, "1", Source("assumed", "couplings may grow to four times those of the start"))

_RERAM_PULSED = PulsedUpdate(
    step=_figure(0.002, "1", "code", _GONG, "dw_min"),
    low=_figure(-0.75, "1", "code", _GONG, "w_min"),
    high=_figure(1.25, "1", "code", _GONG, "w_max"),
    asymmetry_spread=_figure(0.01, "1", "code", _GONG, "up_down_dtod"),
    step_spread=_figure(0.3, "1", "code", _GONG, "dw_min_dtod"),
    bound_spread=_figure(0.3, "1", "derived", _GONG, "w_max_dtod 0.24, w_min_dtod 0.4"),
    cycle=_figure(3.75, "1", "code", _GONG, "dw_min_std"),
    headroom=_HEADROOM,
)

_CAPACITOR_PULSED = PulsedUpdate(
    step=_figure(0.005, "1", "code", _LI, "dw_min"),
    low=_figure(-1.0, "1", "code", _LI, "w_min"),
    high=_figure(1.0, "1", "code", _LI, "w_max"),
    slope_up=_figure(0.05, "1", "code", _LI, "gamma_up"),
    slope_down=_figure(0.05, "1", "code", _LI, "gamma_down"),
    asymmetry_spread=_figure(0.06, "1", "code", _LI, "up_down_dtod"),
    step_spread=_figure(0.1, "1", "code", _LI, "dw_min_dtod"),
    bound_spread=_figure(0.07, "1", "code", _LI, "w_max_dtod, w_min_dtod"),
    cycle=_figure(0.3, "1", "code", _LI, "dw_min_std"),
    headroom=_HEADROOM,
)

_ECRAM_PULSED = PulsedUpdate(
    step=_figure(0.002, "1", "code", _TANG, "dw_min"),
    low=_figure(-0.8276, "1", "code", _TANG, "w_min"),
    high=_figure(1.1724, "1", "code", _TANG, "w_max"),
    slope_up=_figure(0.1153, "1", "code", _TANG, "gamma_up"),
    slope_down=_figure(0.5085, "1", "code", _TANG, "gamma_down"),
    asymmetry_spread=_figure(0.01, "1", "code", _TANG, "up_down_dtod"),
    step_spread=_figure(0.1, "1", "code", _TANG, "dw_min_dtod"),
    bound_spread=_figure(0.05, "1", "code", _TANG, "w_max_dtod, w_min_dtod"),
    cycle=_figure(0.3, "1", "code", _TANG, "dw_min_std"),
    headroom=_HEADROOM,
)

LAW_SETS: Registry[tuple[Law, ...]] = Registry(
    "set of laws",
    [
        ("pcm", (*PCM, COMPENSATION)),
        ("pcm-uncompensated", PCM),
        ("reram-hfo2", _RERAM_HFO2),
        ("reram-cmo", _RERAM_CMO),
        ("reram-neurram", _RERAM_WAN),
        ("sonos", (*_SONOS_LAWS, COMPENSATION)),
        ("reram-pulsed", (_RERAM_PULSED,)),
        ("capacitor-pulsed", (_CAPACITOR_PULSED,)),
        ("ecram-pulsed", (_ECRAM_PULSED,)),
    ],
)
"""Laws of one memory each."""
