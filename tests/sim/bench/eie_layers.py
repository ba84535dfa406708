"""Small layers in the place of EIE's nine."""

from dataclasses import replace

from eyrie.anchors.eie import published_layers

SMALL_LAYERS = tuple(
    replace(
        published_layers()[0],
        name=name,
        inputs=inputs,
        outputs=outputs,
        weight_density=weight_density,
        activation_density=activation_density,
        actual_us=actual_us,
    )
    for name, inputs, outputs, weight_density, activation_density, actual_us in (
        ("sparse", 205, 330, 0.03, 0.3, 1.2),
        ("dense", 61, 40, 0.4, 1.0, 1.6),
    )
)
"""One with long runs of zeros, one with short ones."""
