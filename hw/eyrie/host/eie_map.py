"""What a host sees of the EIE system (`eyrie.host.eie_system.EieSystem`)."""

from enum import IntEnum

from eyrie.host.register_map import Access, Field, Register, RegisterMap, Window

MAGIC = int.from_bytes(b"EYRI", "big")
"""First register of every device."""


class DeviceError(IntEnum):
    """Why a device refused something. The first seven are those of `eyrie.eie.load_format.LoadError`."""

    NONE = 0
    MAGIC = 1
    """The image does not begin with the magic bytes."""
    VERSION = 2
    """The image has another format version."""
    HASH = 3
    """The image is for another configuration of the hardware."""
    CONTENT = 4
    """A section does not hold what it must: more or less than it says, or what no memory has a place for."""
    CRC = 5
    """A CRC-32 is wrong: that of the section named beside the error, or of header and section table for section 0."""
    NOT_LOADED = 6
    """Start without a network that was loaded whole."""
    LENGTH = 7
    """The length in the image's header is not that of its sections, or a section is no whole number of words."""
    SECTIONS = 8
    """The section table does not list the sections that it must, in order and one behind the other."""
    CODE = 9
    """The lengths of a Huffman code are those of no complete code, or bits are no codeword."""
    BUSY = 10
    """Start or load while a program runs."""
    LOAD_OVERFLOW = 11
    """A word of the image came before there was a place for it, or when none was expected."""
    INPUT_OVERFLOW = 12
    """An input activation came before there was a place for it."""
    OUTPUT_UNDERFLOW = 13
    """An output activation was read that is not there yet."""


EIE_MAP = RegisterMap(
    name="eie",
    version=1,
    text="EIE engine with loader and queues for activations.",
    words=32,
    registers=(
        Register(name="magic", address=0, text=f"{MAGIC:#010x}, the letters EYRI."),
        Register(
            name="version",
            address=1,
            text="Versions of what a host relies on.",
            fields=(
                Field(name="map", low=0, width=16, text="This map."),
                Field(name="format", low=16, width=16, text="Images that can be loaded."),
            ),
        ),
        Register(name="hash_high", address=2, text="Upper half of the hash of the hardware's configuration."),
        Register(name="hash_low", address=3, text="Lower half of it."),
        Register(
            name="queues",
            address=4,
            text="Activations that the queues hold.",
            fields=(
                Field(name="input", low=0, width=16, text="Input queue."),
                Field(name="output", low=16, width=16, text="Output queue."),
            ),
        ),
        Register(name="clock", address=5, text="Clock frequency in Hz."),
        Register(
            name="link_timeout",
            address=6,
            text="Clock cycles of silence after which the serial link has forgotten what came before.",
        ),
        Register(name="scratch", address=7, access=Access.READ_WRITE, text="Keeps what is written; for link tests."),
        Register(
            name="control",
            address=8,
            access=Access.WRITE,
            text="Each bit that is written as 1 asks for something once.",
            fields=(
                Field(
                    name="load",
                    low=0,
                    text="Forget the network and wait for the first word of an image. Refused while busy.",
                ),
                Field(name="start", low=1, text="Run the network once. Refused while busy, or when none is loaded."),
                Field(
                    name="abort",
                    low=2,
                    text="End a run: the engine gets zeros for input, its outputs are dropped. The network stays.",
                ),
                Field(
                    name="clear",
                    low=3,
                    text="Empty the queues; set error, counts and CRCs of activations, and stall counters to 0. "
                    "Ignored while busy.",
                ),
            ),
        ),
        Register(
            name="status",
            address=9,
            text="What the device is doing.",
            fields=(
                Field(name="loading", low=0, text="An image is expected or under way."),
                Field(name="loaded", low=1, text="A network is there; all of its image was right."),
                Field(name="busy", low=2, text="A program runs."),
                Field(name="aborting", low=3, text="It is being brought to its end."),
            ),
        ),
        Register(
            name="error",
            address=10,
            text="The first error since the last clear or load.",
            fields=(
                Field(name="code", low=0, width=8, text="`DeviceError`."),
                Field(name="section", low=8, width=4, text="Section of the image that it concerns; 0 for none."),
            ),
        ),
        Register(name="runs", address=11, text="Runs that ended since the last clear, aborted ones not counted."),
        Register(name="cycles", address=12, text="Cycles of the last run, apart from input and output."),
        Register(name="run_cycles", address=13, text="Cycles since the last clear in which a program ran."),
        Register(name="input_stalls", address=14, text="Those of them in which it waited for input."),
        Register(name="output_stalls", address=15, text="Those of them in which output waited for a place."),
        Register(name="load_words", address=16, text="Words of the image taken since the last load."),
        Register(name="input_free", address=17, text="Activations that the input queue has places for."),
        Register(name="output_waiting", address=18, text="Activations in the output queue."),
        Register(name="input_count", address=19, text="Activations written since the last clear."),
        Register(name="input_crc", address=20, text="CRC-32 of them, each as two bytes, the lower one first."),
        Register(name="output_count", address=21, text="Activations read since the last clear."),
        Register(name="output_crc", address=22, text="CRC-32 of them likewise."),
        Register(name="link_faults", address=23, text="Commands that the serial link dropped, or the bus refused."),
        Register(name="load_free", address=24, text="Words of an image that there are places for."),
    ),
    windows=(
        Window(name="load", address=256, words=256, access=Access.WRITE, text="Words of an image, in order."),
        Window(
            name="input",
            address=512,
            words=256,
            access=Access.WRITE,
            text="Input activations, one a word; upper bits are ignored.",
        ),
        Window(
            name="output",
            address=768,
            words=256,
            access=Access.READ,
            text="Output activations, one a word, with their sign. Each is read once.",
        ),
    ),
)
"""Registers and windows."""
