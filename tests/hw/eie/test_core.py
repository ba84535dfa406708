"""EieCore: whole programs, over its configurations, against the integer model."""

from typing import Any

import pytest

from eyrie.eie.config import EieConfig
from tests.hw.eie.network import Layer, compile_by_hand, random_layer, random_vector, small
from tests.hw.eie.session import Session, infer, play, play_network

CONFIGURATIONS: dict[str, tuple[dict[str, Any], list[int]]] = {
    # fields of the configuration, and the sizes of the vectors between layers
    "1 PE, odd widths": (
        {"n_pes": 1, "index_bits": 2, "codebook_bits": 3, "activation_width": 11, "weight_width": 9},
        [16, 14, 5],
    ),
    "3 PEs": ({"n_pes": 3, "queue_depth": 16, "index_bits": 3}, [12, 11, 10, 4]),
    "4 PEs, 24-bit accumulators that wrap": ({"n_pes": 4, "queue_depth": 3, "accumulator_width": 24}, [15, 13]),
    "7 PEs": ({"n_pes": 7, "queue_depth": 8}, [15, 11]),
    "accumulators in block RAM": ({"n_pes": 2, "lut_ram": False, "queue_depth": 2}, [14, 11, 9]),
    "shifts alone": ({"n_pes": 3, "multipliers": False, "weight_width": 12}, [12, 11, 10]),
    "shifts alone, 48-bit accumulators in block RAM": (
        {"n_pes": 1, "multipliers": False, "lut_ram": False, "accumulator_width": 48, "activation_width": 9},
        [12, 13, 7],
    ),
    "empty slices are not skipped": ({"n_pes": 2, "skip_empty": False, "queue_depth": 1}, [14, 11, 9]),
    "counts of 3 bits": ({"n_pes": 4, "count_bits": 3, "accumulator_depth": 4, "index_bits": 2}, [15, 15, 9]),
    "queue of 1": ({"n_pes": 2, "queue_depth": 1, "index_bits": 5, "codebook_bits": 5}, [14, 14]),
    "codes of 1 bit, 48-bit accumulators": (
        {"n_pes": 2, "codebook_bits": 1, "index_bits": 8, "accumulator_width": 48},
        [20, 18, 4],
    ),
    "codes of 8 bits": ({"n_pes": 1, "codebook_bits": 8, "index_bits": 7, "program_depth": 1024}, [9, 9]),
    "runs of 1 bit": ({"n_pes": 1, "index_bits": 1, "accumulator_depth": 32, "activation_depth": 32}, [12, 31, 5]),
    "8-bit activations": ({"n_pes": 2, "activation_width": 8, "index_bits": 6, "codebook_bits": 6}, [12, 18, 7]),
    "more rows than a pass holds": ({"n_pes": 3, "accumulator_depth": 2, "codebook_bits": 5}, [9, 15, 7]),
    "one row, one activation a PE": ({"n_pes": 3, "activation_depth": 1, "accumulator_depth": 1}, [3, 2, 3]),
    "batches and passes": ({"n_pes": 2, "activation_depth": 4, "accumulator_depth": 2}, [11, 8, 5]),
    "batches of one": ({"n_pes": 1, "activation_depth": 1}, [5, 1, 1]),
    "round trips, batches and passes": ({"n_pes": 3, "activation_depth": 2, "accumulator_depth": 1}, [8, 8, 4]),
    "depths that are no powers of two": (
        {"n_pes": 2, "activation_depth": 5, "accumulator_depth": 3, "entry_depth": 301, "table_depth": 75},
        [10, 10, 9],
    ),
}


def network(config: EieConfig, sizes: list[int], seed: int) -> list[Layer]:
    """Hidden layers with ReLU, every second layer scaled."""
    shapes = list(zip(sizes[1:], sizes, strict=False))
    return [
        random_layer(
            config,
            rows,
            columns,
            seed + number,
            relu=number < len(shapes) - 1,
            scaled=config.multipliers and (number + seed) % 2 == 0,
            density=0.35,
        )
        for number, (rows, columns) in enumerate(shapes)
    ]


@pytest.mark.parametrize("case", CONFIGURATIONS)
def test_networks(case: str) -> None:
    fields, sizes = CONFIGURATIONS[case]
    config = small(**fields)
    seed = len(case)
    program = compile_by_hand(config, network(config, sizes, seed))
    vectors = [random_vector(config, sizes[0], seed, density) for density in (0.6, 1)]
    if config.n_pes > 4:
        del vectors[1:]  # slow to simulate
    play_network(program, vectors, stall="random", seed=seed)


def test_what_the_configurations_are_meant_to_reach() -> None:
    def reached(case: str) -> tuple[list[int], list[bool]]:
        fields, sizes = CONFIGURATIONS[case]
        program = compile_by_hand(small(**fields), network(small(**fields), sizes, 1))
        return program.streamed_in, program.streamed_out

    assert reached("more rows than a pass holds") == ([1, 0], [False, True])
    assert reached("batches of one") == ([1, 0], [False, True])
    assert reached("batches and passes") == ([2, 1], [True, True])
    assert reached("round trips, batches and passes") == ([3, 2], [True, True])


@pytest.mark.parametrize(
    ("stall", "stall_outputs"), [("alternate", "alternate"), ("gaps", "random"), ("random", "gaps")]
)
def test_stalls(stall: Any, stall_outputs: Any) -> None:
    config = small(n_pes=2)
    program = compile_by_hand(config, network(config, [10, 9, 20], 5))

    async def scenario(session: Session) -> None:
        await session.load(program.words.tolist(), stall=stall)
        for seed in range(2):
            x = random_vector(config, 10, seed)
            await infer(session, program, x, stall=stall, stall_outputs=stall_outputs, seed=seed)

    play(config, scenario)


def test_output_closed_for_a_thousand_cycles() -> None:
    # Thirty activations in one go, which are more than the engine can keep.
    config = small(n_pes=2)
    program = compile_by_hand(config, network(config, [6, 30], 3))
    play_network(program, [random_vector(config, 6, 1)], stall="never", stall_outputs=[True] * 1000)


def test_input_missing_for_a_thousand_cycles() -> None:
    config = small(n_pes=2)
    program = compile_by_hand(config, network(config, [10, 6], 3))
    late = [False] * 4 + [True] * 1000
    play_network(program, [random_vector(config, 10, 1)], stall=late, stall_outputs="never")
