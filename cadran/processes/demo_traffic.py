"""The demonstration's devices and gateways, playing their day against the network server of this machine.

An interruption loses nothing of the system's: devices remember their sessions and counters in a file, like real ones.
"""

from __future__ import annotations

from cadran.kernel.config import load

SUMMARY = "joue les capteurs de la démonstration"
DEVICES, GATEWAYS = 2_000, 12
RATE_PER_S = 10.0  # each device speaks every 200 s


def main(argv: list[str]) -> int:
    """Play until SIGTERM or SIGINT; ``argv`` is handed to ``cadran simulate`` and wins."""
    from cadran.processes import simulate

    config = load()
    return simulate.main(
        [
            *("--devices", str(DEVICES)),
            *("--gateways", str(GATEWAYS)),
            *("--rate", str(RATE_PER_S)),
            *("--scenario", "demonstration"),
            *("--host", config.udp_host),
            *("--port", str(config.udp_port)),
            *("--state", str(config.data_dir / "simulated-devices.jsonl")),
            "--quiet",
            *argv,
        ]
    )
