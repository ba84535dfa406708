"""All proofs."""

from collections.abc import Sequence

from eyrie.errors import InputError
from eyrie.formal import (
    axi_lite,
    bit_reader,
    crc32,
    eie_broadcast,
    eie_queue,
    eie_tree,
    huffman_decoder,
    image_loader,
    load_stream_writer,
    memories,
    rounding_shift,
    stream_fifo,
    uart_receiver,
    uart_transmitter,
    uartbone,
    waits,
    wishbone,
)
from eyrie.formal.proof import Proof

PROOFS: tuple[Proof, ...] = (
    stream_fifo.PROOF,
    *memories.PROOFS,
    rounding_shift.PROOF,
    eie_queue.PROOF,
    eie_broadcast.PROOF,
    *eie_tree.PROOFS,
    waits.PROOF,
    uart_transmitter.PROOF,
    *uart_receiver.PROOFS,
    uartbone.PROOF,
    *wishbone.PROOFS,
    axi_lite.PROOF,
    crc32.PROOF,
    bit_reader.PROOF,
    huffman_decoder.PROOF,
    load_stream_writer.PROOF,
    image_loader.PROOF,
)
"""In the order in which they are carried out."""


def find_proofs(names: Sequence[str]) -> list[Proof]:
    """The proofs with these names, or all without any.

    Raises
    ------
    InputError
        If there is none of a name.
    """
    known = {proof.name: proof for proof in PROOFS}
    for name in names:
        if name not in known:
            raise InputError(f"there is no proof {name!r}; there are {', '.join(known)}")
    return [known[name] for name in dict.fromkeys(names)] or list(PROOFS)
