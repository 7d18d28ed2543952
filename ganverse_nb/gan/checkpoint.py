"""Weight files: ours, one safetensors file with the averaged generator and the discriminator, and those of others.

Our file holds `generator.*` and `discriminator.*` tensors (the latter may be absent) and, in its metadata, what is
needed to build the networks and where they come from. Other projects' formats are read by `gan.official`. Nothing in
any file is executed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor, nn

from ganverse_nb.gan.discriminator import Discriminator
from ganverse_nb.gan.generator import Generator
from ganverse_nb.gan.official import ForeignError, build, is_foreign, picture_rows, read_foreign
from ganverse_nb.runtime.files import content_of, sha256
from ganverse_nb.runtime.tensors import load_tensors, made_from, save_tensors

FORMAT = "ganverse_nb.stylegan2/1"
WEIGHTS = Path(__file__).resolve().parent.parent / "weights"
BUNDLED = {"bundled": "teacher", "bundled-128": "teacher-128"}  # gan.network -> a file of the package


class CheckpointError(ValueError):
    """A weight file that cannot be used; the message says which, why, and what to do."""


def read_tensors(path: Path, format: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """`load_tensors` for what belongs to a GAN.

    Raises:
        FileNotFoundError: there is no such file.
        CheckpointError: damaged, of another content or format.
    """
    try:
        return load_tensors(
            path, format, "weight file", "train one with `ganverse train-gan` or give the path of another"
        )
    except ValueError as error:
        raise CheckpointError(str(error)) from error


def bundled(category: str, name: str) -> Path:
    """A file of the package for a category: its "teacher" (64 px), its "teacher-128", or the "views" of the first.

    Raises:
        FileNotFoundError: there is none; the message says how to make it.
    """
    path = WEIGHTS / category / f"{name}.safetensors"
    if not path.is_file():
        known = ", ".join(sorted(p.parent.name for p in WEIGHTS.glob(f"*/{name}.safetensors"))) or "none"
        commands = {"views": "choose-views", "teacher-128": f"train-gan --profile full --from {category}"}
        command = commands.get(name, "train-gan")
        raise FileNotFoundError(
            f"There is no {name} for {category} yet (the package has one for: {known}); "
            f"`ganverse {command} --category {category}` makes one, which belongs at {path}."
        )
    return path


def resolve(source: str | Path) -> Path:
    """A bundled name ("car", or "car-128" for the one of 128 px) or a path -> path of a weight file.

    Raises:
        FileNotFoundError: neither a bundled network nor a file; the message lists the bundled names.
    """
    category, _, pixels = str(source).partition("-")
    bundled = WEIGHTS / category / (f"teacher-{pixels}.safetensors" if pixels else "teacher.safetensors")
    if bundled.is_file():
        return bundled
    path = Path(source)
    if not path.is_file():
        names = sorted(p.parent.name + p.stem.removeprefix("teacher") for p in WEIGHTS.glob("*/teacher*.safetensors"))
        known = ", ".join(names) or "none"
        raise FileNotFoundError(f"No GAN {str(source)!r}: neither a file nor one of the bundled networks ({known}).")
    return path


def save_networks(
    path: Path,
    generator: Generator,
    discriminator: Discriminator | None,
    provenance: dict[str, Any],
    half: bool = True,
) -> None:
    """Write both networks, as float16 or float32, with their sizes and `provenance` (command, seed, images, ...)."""
    tensors = {f"generator.{k}": v for k, v in generator.state_dict().items()}
    if discriminator is not None:
        tensors |= {f"discriminator.{k}": v for k, v in discriminator.state_dict().items()}
    architecture = generator.settings | {"filtered": discriminator is None or discriminator.filtered}
    facts = {"architecture": architecture, "provenance": json.dumps(provenance, sort_keys=True, default=str)}
    save_tensors(path, tensors, FORMAT, facts, half=half)


class Networks(NamedTuple):
    """What a file of another project holds, as our networks in evaluation mode, and how it was read."""

    generator: Generator
    discriminator: Discriminator | None
    format: str
    notes: list[str]


def read_networks(path: Path) -> Networks:
    """The networks of a TensorFlow, ada, stylegan3 or rosinality file; the black bars of the car are recognised.

    Raises:
        CheckpointError: the file is damaged, dangerous, unsupported or something else.
    """
    try:
        foreign = read_foreign(path)
        generator, discriminator = build(foreign)
    except ForeignError as error:
        raise CheckpointError(f"{path} cannot be used: {error}") from error
    generator.rows = picture_rows(generator)
    return Networks(generator, discriminator, foreign.format, foreign.notes)


def _build(path: Path, kind: str) -> nn.Module:
    if is_foreign(path):
        networks = read_networks(path)
        network = networks.generator if kind == "generator" else networks.discriminator
        if network is None:
            raise _no_discriminator(path)
        return network
    return _build_ours(path, kind)


def _no_discriminator(path: Path) -> CheckpointError:
    return CheckpointError(
        f"{path} holds no discriminator like ours; use another perceptual metric (inverse.perceptual_backbone=lpips) "
        "and no game with it (stylegan_r.weight_adversarial=0), or another file."
    )


def _build_ours(path: Path, kind: str) -> nn.Module:
    tensors, metadata = read_tensors(path, FORMAT)
    prefix = f"{kind}."
    state = {k.removeprefix(prefix): v.float() for k, v in tensors.items() if k.startswith(prefix)}
    if not state and kind == "discriminator":
        raise _no_discriminator(path)
    with made_from(state, path, kind, "fetch or train it again", CheckpointError):
        size = json.loads(metadata["architecture"])
        filtered = size.pop("filtered")
        network: nn.Module
        if kind == "generator":
            network = Generator(**size)
        else:
            network = Discriminator(size["resolution"], size["channels"], filtered)
        network.load_state_dict(state, strict=True)
    return network.eval().requires_grad_(False)


def load_generator(source: str | Path = "car") -> Generator:
    """The averaged generator of a bundled network or a file, float32, in evaluation mode.

    The kind of file is recognised by its content: ours, NVIDIA's TensorFlow, ada and stylegan3 pickles, rosinality's
    `.pt`. `ganverse import-gan` converts the latter once, which makes later loading faster.

    Raises:
        FileNotFoundError: no such file or bundled name.
        CheckpointError: the file is damaged or something else.
    """
    network = _build(resolve(source), "generator")
    assert isinstance(network, Generator)
    return network


def load_discriminator(source: str | Path = "car") -> Discriminator:
    """The discriminator beside `load_generator`'s network; same errors."""
    network = _build(resolve(source), "discriminator")
    assert isinstance(network, Discriminator)
    return network


def provenance(source: str | Path = "car") -> dict[str, Any]:
    """Where a network comes from: command, seed, images, commit, configuration. Same errors as `load_generator`.

    Of another project's file: its name and hash.
    """
    path = resolve(source)
    if is_foreign(path):
        return {"source": path.name, "sha256": sha256(path)}
    _, metadata = read_tensors(path, FORMAT)
    with content_of(path, "record of where it comes from", "fetch or train it again", CheckpointError):
        return dict(json.loads(metadata.get("provenance", "{}")))
