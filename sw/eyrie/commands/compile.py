"""``eyrie compile``: from a model to an image."""

from pathlib import Path
from typing import Literal

import click

from eyrie.commands.geometry import SWITCH, compiler_options
from eyrie.commands.terminal import json_option, percent, print_json, print_table, progress


@click.command()
@click.argument("model", type=click.Path(path_type=Path), metavar="MODEL.onnx")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Folder to write.")
@click.option(
    "--calibrate",
    type=click.Path(path_type=Path),
    metavar="X.npy",
    help="Inputs, (samples, inputs), that cover the range of real ones. Without them inputs lie in [-1, 1].",
)
@compiler_options
@click.option(
    "--requantise",
    type=click.Choice(["shift", "multiplier"]),
    default="shift",
    show_default=True,
    help="Scales of activations: powers of two, or any (slower drain, full range; needs --multipliers on).",
)
@click.option(
    "--balance",
    type=SWITCH,
    default="on",
    show_default=True,
    help="Rows are placed so that all PEs have the same work, or interleaved.",
)
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Compile for hardware that exists: its config.json, which replaces the other options of geometry.",
)
@click.option(
    "--rowstat-config",
    "rowstat_path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Networks with convolutions: the row-stationary engine's configuration, JSON, instead of the default.",
)
@click.option(
    "--batch",
    type=click.IntRange(min=1, max=256),
    default=1,
    show_default=True,
    help="Networks with convolutions: images of one run of the row-stationary engine.",
)
@json_option
def compile(
    model: Path,
    output: Path,
    calibrate: Path | None,
    pes: int,
    codebook_bits: int,
    index_bits: int | Literal["cycles", "bits"],
    queue_depth: int,
    activation_bits: int,
    column_groups: int,
    multipliers: str,
    lut_ram: str,
    requantise: str,
    balance: str,
    config_path: Path | None,
    rowstat_path: Path | None,
    batch: int,
    as_json: bool,
) -> None:
    """Quantise MODEL.onnx (or .onnx.gz), share its weights, and write one image and the hardware that it is for.

    DIR then holds network.eyrie (the image), config.json (the hardware) and compile.json (what was done). Of a network
    with convolutions it holds segments.json, the files that this names, and compile.json.
    """
    from eyrie.commands.arrays import read_array
    from eyrie.commands.compile_segments import compile_with_convolutions, print_segments
    from eyrie.compile.compiler import compile_network
    from eyrie.compile.folder import IMAGE, read_configuration, write_folder
    from eyrie.compile.network.folder import SEGMENTS
    from eyrie.model.dense import DenseLayer
    from eyrie.model.onnx_import import load_onnx

    with progress("reading the model"):
        network = load_onnx(model)
        calibration = None if calibrate is None else read_array(calibrate)
    if not all(isinstance(layer, DenseLayer) for layer in network.layers):
        with progress("compiling"):
            segments = compile_with_convolutions(
                network,
                output,
                calibration=calibration,
                requantise=requantise,
                balance=balance,
                config_path=config_path,
                rowstat_path=rowstat_path,
                batch=batch,
                index_bits=index_bits,
                pes=pes,
                codebook_bits=codebook_bits,
                queue_depth=queue_depth,
                activation_bits=activation_bits,
                column_groups=column_groups,
                multipliers=multipliers,
                lut_ram=lut_ram,
            )
        print_segments(segments, output, as_json=as_json)
        return
    if rowstat_path is not None or batch != 1:
        raise click.UsageError(
            f"--rowstat-config and --batch are for networks with convolutions, which {model} has not"
        )
    with progress("compiling"):
        result = compile_network(
            network,
            calibration=calibration,
            n_pes=pes,
            codebook_bits=codebook_bits,
            index_bits=index_bits,
            queue_depth=queue_depth,
            activation_bits=activation_bits,
            column_groups=column_groups,
            multipliers=multipliers == "on",
            lut_ram=lut_ram == "on",
            config=None if config_path is None else read_configuration(config_path),
            requantise="shift" if requantise == "shift" else "multiplier",
            balance=balance == "on",
        )
        write_folder(output, result)
        (output / SEGMENTS).unlink(missing_ok=True)  # of another network that was there before
    report = result.report
    if as_json:
        print_json(report.as_dict() | {"image": str(output / IMAGE), "image_bytes": (output / IMAGE).stat().st_size})
        return
    rows = [
        [
            layer.name,
            f"{layer.rows} x {layer.columns}",
            percent(layer.density),
            f"{layer.sharing.n_distinct} to {layer.sharing.n_shared}" if layer.shared else str(layer.sharing.n_shared),
            layer.entries,
            layer.fillers,
            layer.passes * layer.batches,
            f"{layer.certificate.bits} of {report.config.accumulator_width}",
            layer.storage.dense_bits // 8,
            layer.storage.csc.n_bytes,
            layer.storage.huffman.n_bytes,
        ]
        for layer in report.layers
    ]
    columns = ["layer", "shape", "kept", "values", "entries", "fillers", "steps", "sum bits", "dense", "CSC", "Huffman"]
    print_table(f"{report.name} for {report.config.n_pes} PEs (sizes in bytes)", columns, rows)
    click.echo(
        f"The PE that works longest has {report.load.imbalance:.3f} times the mean load; "
        f"{report.interleaved_load.imbalance:.3f} times with interleaved rows."
    )
    if report.cost:
        sharing, whole = report.cost.sharing, report.cost.quantisation
        click.echo(
            f"On {whole.n_samples} calibration inputs the largest output is the same for "
            f"{percent(sharing.agreement)} after sharing weights, {percent(whole.agreement)} in fixed point; "
            f"outputs differ by {whole.rms:.3g} RMS of {whole.reference_rms:.3g}."
        )
    click.echo(f"Ranges: {report.ranges}")
    click.echo(f"Written to {output / IMAGE}: {(output / IMAGE).stat().st_size:,} bytes")
