"""Engines sized for a part."""

from dataclasses import replace

from eyrie.eie.config import EieConfig

ECP5_64 = EieConfig(
    n_pes=64,
    queue_depth=8,
    index_bits=4,
    table_depth=512,
    activation_depth=16,
    accumulator_depth=32,
    multipliers=False,
)
"""What an LFE5U-85F holds of 64 PEs: three of its 208 block RAMs for each, which are 4,096 entries of 8 bits, and 1,024
columns with 256 biases beside them."""

ECP5_8 = replace(ECP5_64, n_pes=8)
"""Eight of the same PEs, for a run of minutes."""

ENGINES = {"ecp5-64": ECP5_64, "ecp5-8": ECP5_8}
"""Engines by the name that a command gives them."""
