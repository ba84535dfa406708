"""EieCore: loading, starting, errors, and reset at any moment."""

import random

import pytest

from eyrie.eie.load_format import LoadError
from eyrie.eie.program import STEP_WORDS, Step
from tests.hw.eie.network import Memories, Program, compile_by_hand, random_layer, random_vector, small
from tests.hw.eie.session import Session, infer, play

CONFIG = small(n_pes=2, codebook_bits=2, queue_depth=2, accumulator_depth=3, activation_depth=8)


def two_layers(seed: int, sizes: tuple[int, int, int] = (8, 7, 3)) -> Program:
    first, hidden, last = sizes
    return compile_by_hand(
        CONFIG,
        [
            random_layer(CONFIG, hidden, first, seed, relu=True, scaled=True),
            random_layer(CONFIG, last, hidden, seed + 1, density=0.8),
        ],
    )


PROGRAM = two_layers(1)
WORDS = PROGRAM.words.tolist()
VECTOR = random_vector(CONFIG, 8, 2, density=0.8)


async def refused(session: Session) -> None:
    """A start that must be refused for want of a network."""
    await session.start()
    for _ in range(3):
        assert not session.ctx.get(session.dut.busy)
        assert session.error is LoadError.NOT_LOADED
        await session.tick()


def test_identification_is_the_hash_of_the_configuration() -> None:
    async def scenario(session: Session) -> None:
        assert session.ctx.get(session.dut.identification) == CONFIG.hash

    play(CONFIG, scenario)


def test_start_without_a_network_is_refused() -> None:
    async def scenario(session: Session) -> None:
        assert session.error is LoadError.NONE
        await refused(session)
        await session.load(WORDS)
        assert (session.loaded, session.error) == (True, LoadError.NONE)
        await infer(session, PROGRAM, VECTOR)

    play(CONFIG, scenario)


def test_every_load_error_shows_stays_and_is_recovered_from() -> None:
    def changed(place: int, word: int) -> list[int]:
        return [*WORDS[:place], word, *WORDS[place + 1 :]]

    streams = {
        LoadError.MAGIC: changed(0, 0),
        LoadError.VERSION: changed(1, 99),
        LoadError.HASH: changed(3, 0),
        LoadError.PACKET: changed(5, 3 << 16),
        LoadError.CRC: changed(len(WORDS) - 1, WORDS[-1] ^ 1),
        LoadError.LENGTH: WORDS[:30],
    }

    async def scenario(session: Session) -> None:
        for error, words in streams.items():
            await session.load(words)
            await session.tick(20)
            assert (session.loaded, session.error) == (False, error)
            await refused(session)
        await session.load([*WORDS[:1], 0])
        assert session.error is LoadError.LENGTH
        await session.load(WORDS)
        await session.tick()
        assert (session.loaded, session.error) == (True, LoadError.NONE)
        await infer(session, PROGRAM, VECTOR)

    play(CONFIG, scenario)


def test_second_network_over_the_first() -> None:
    programs = [two_layers(seed, sizes) for seed, sizes in ((5, (8, 7, 3)), (7, (6, 9, 2)), (9, (12, 12, 12)))]

    async def scenario(session: Session) -> None:
        for number in (0, 1, 2, 0):
            await session.load(programs[number].words.tolist())
            for seed in range(2):
                x = random_vector(CONFIG, programs[number].layers[0].codes.shape[1], seed)
                await infer(session, programs[number], x)

    play(CONFIG, scenario)


def test_a_network_cut_short_leaves_none() -> None:
    async def scenario(session: Session) -> None:
        await session.load(WORDS)
        await session.load(two_layers(3).words.tolist()[:60])
        await session.tick()
        assert not session.loaded
        await refused(session)

    play(CONFIG, scenario)


def test_start_in_the_middle_of_a_load_is_refused_and_the_load_goes_on() -> None:
    async def scenario(session: Session) -> None:
        await session.load(WORDS[: len(WORDS) // 2], ends=False)
        await refused(session)
        await session.load(WORDS[len(WORDS) // 2 :])
        await session.tick()
        assert (session.loaded, session.error) == (True, LoadError.NOT_LOADED)
        await infer(session, PROGRAM, VECTOR)

    play(CONFIG, scenario)


def test_start_while_running_is_ignored_and_loading_waits() -> None:
    inputs, expected = PROGRAM.streams(VECTOR)

    async def scenario(session: Session) -> None:
        ctx, dut = session.ctx, session.dut
        await session.load(WORDS)
        await session.start()
        for port in (dut.start, dut.load.valid, dut.i.valid, dut.o.ready):
            ctx.set(port, 1)
        outputs, sent, done = [], 0, False
        while not done:
            ctx.set(dut.i.payload, [*inputs, 0][sent])
            _, _, taken, valid, payload, load_ready, done = await ctx.tick().sample(
                dut.i.ready, dut.o.valid, dut.o.payload, dut.load.ready, dut.done
            )
            assert not load_ready, "took a word of a network in the middle of a run"
            sent += taken
            outputs += [payload] * valid
        assert (sent, outputs) == (len(inputs), expected)

    play(CONFIG, scenario)


@pytest.mark.parametrize("seed", range(2))
def test_reset_in_the_middle_of_a_run(seed: int) -> None:
    inputs, expected = PROGRAM.streams(VECTOR)
    moments = random.Random(seed).sample(range(1, 140), 3)

    async def scenario(session: Session) -> None:
        for moment in moments:
            await session.load(WORDS)
            await session.run(inputs, len(expected), leave_after=moment)
            assert session.ctx.get(session.dut.busy), f"done before {moment} cycles"
            await session.reset()
            assert not session.loaded, f"reset after {moment} cycles"
            await refused(session)
            await session.load(WORDS)
            await infer(session, PROGRAM, VECTOR)

    play(CONFIG, scenario)


def test_reset_in_the_middle_of_a_load() -> None:
    moments = random.Random(3).sample(range(1, len(WORDS)), 3)

    async def scenario(session: Session) -> None:
        for moment in moments:
            await session.load(WORDS)
            await session.load(WORDS[:moment], ends=False)
            await session.reset()
            await refused(session)
            await session.load(WORDS)
            await infer(session, PROGRAM, VECTOR)

    play(CONFIG, scenario)


def test_sums_that_a_run_leaves_behind_are_gone_in_the_next() -> None:
    # A program that leaves its sums behind, with a reset after it and without.
    layer = random_layer(CONFIG, CONFIG.n_pes * CONFIG.accumulator_depth, 8, 4, density=1)
    memories = Memories(CONFIG)
    own = memories.add_rows(layer, 0, len(layer.codes))
    step = {"load": True, "count": 8, "column_base": own.column_base, "last": True}
    step |= {"codebook_base": STEP_WORDS, "codebook_count": CONFIG.codebook_size}
    memories.program = [*Step(**step).pack(), *layer.codebook.tolist()]

    async def scenario(session: Session) -> None:
        for reset in (False, True):
            await session.load(memories.words().tolist())
            assert await session.run(VECTOR, 0) == []
            if reset:
                await session.reset()
            await session.load(WORDS)
            await infer(session, PROGRAM, VECTOR)

    play(CONFIG, scenario)


def test_reset_while_the_output_is_stalled() -> None:
    inputs, expected = PROGRAM.streams(VECTOR)

    async def scenario(session: Session) -> None:
        await session.load(WORDS)
        taken = await session.run(inputs, len(expected), stall_outputs=[True] * 500, leave_after=400)
        assert taken == []
        assert session.ctx.get(session.dut.o.valid)
        await session.reset()
        assert not session.ctx.get(session.dut.o.valid)
        await session.load(WORDS)
        await infer(session, PROGRAM, VECTOR)

    play(CONFIG, scenario)
