"""The command line: thin functions over the library; what is expected to go wrong is one sentence."""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ganverse_nb import __version__
from ganverse_nb.config import BUNDLED, as_json, load_config
from ganverse_nb.runtime.errors import ExpectedError, ExpectedWarning, sentence
from ganverse_nb.runtime.extras import missing_extra, require
from ganverse_nb.runtime.files import plain
from ganverse_nb.runtime.process import prepare_process, stops_like_ctrl_c
from ganverse_nb.workflow.run import Run, open_run, reopen_run, run_directory

AUGMENT = "color,translation,cutout"
INTERRUPTED = "interrupted; run the same command to continue"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; its exit code: 0, 1 (doctor found something), 2 (expected error), 130 (interrupted)."""
    prepare_process()  # before torch is imported
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help(sys.stderr)
        return 2
    try:
        with stops_like_ctrl_c(), warnings.catch_warnings():
            warnings.showwarning = _show_warning
            if options.extra:
                require(*options.extra)
            return options.command(options) or 0
    except KeyboardInterrupt:
        return _say(INTERRUPTED, 130)
    except (ValueError, OSError, ExpectedError) as error:
        if options.traceback:
            raise
        return _say(sentence(error), 2)
    except ModuleNotFoundError as error:
        missing = missing_extra(error)
        if options.traceback or missing is None:
            raise
        return _say(str(missing), 2)


def _say(text: str, code: int) -> int:
    with suppress(OSError):  # the terminal may be closed
        print(f"ganverse: {text}", file=sys.stderr)
    return code


def _show_warning(message: Warning | str, category: type[Warning], *where: Any, **options: Any) -> None:
    """What was expected is one sentence; any other warning says where it comes from."""
    if issubclass(category, ExpectedWarning):
        _say(" ".join(str(message).split()), 0)
    else:
        print(warnings.formatwarning(message, category, *where[:2]), end="", file=sys.stderr)


# ---- commands


def _reproduce(options: argparse.Namespace) -> int:
    from ganverse_nb.runtime.rows import is_met
    from ganverse_nb.workflow.inputs import check_bundled
    from ganverse_nb.workflow.reproduce import reproduce
    from ganverse_nb.workflow.weights import offer_weights

    settings = _settings(options)
    config = load_config(options.profile, options.category, options.seed, settings)
    check_bundled(config)
    offer_weights(config)  # here, where somebody can be asked
    only = [number for number in options.only.split(",") if number]
    run = _open(options)
    report = reproduce(run, settings, only, options.notebooks, options.jobs)
    rows = run.rows()
    missed = [row for row in rows if is_met(row, rows) is False]
    for row in missed:
        print(f"not met: {row.key} is {row.ours} {row.unit}".rstrip() + f", the bar is {row.bar}")
    if report is None:
        print(f"nothing was measured; executed notebooks are in {run.directory / 'notebooks'}")
    else:
        print(f"{len(rows)} numbers, {len(missed)} bars not met: {report}")
    return 0


def _sweep(options: argparse.Namespace) -> None:
    from ganverse_nb.workflow.sweep import sweep
    from ganverse_nb.workflow.weights import offer_weights

    try:
        seeds = [int(seed) for seed in options.seeds.split(",")]
    except ValueError:
        raise ValueError(f"--seeds {options.seeds}: write numbers, as in 0,1,2.") from None
    only = [number for number in options.only.split(",") if number]
    vary = {name: _values(text) for name, text in (_assignment(text, "--vary") for text in options.vary)}
    settings, places = _settings(options), (options.sweeps, options.notebooks)
    offer_weights(load_config(options.profile, options.category, settings=settings))
    path = sweep(options.profile, options.category, seeds, vary, settings, only, *places, options.jobs)
    print(f"{path.read_text()}\nwrote {path} and {path.with_suffix('.json')}")


def _train_gan(options: argparse.Namespace) -> None:
    from ganverse_nb.workflow.commands import train_gan

    settings = {"gan.mirror": True} if options.mirror else {}
    settings |= {"gan.augment": options.augment} if options.augment else {}
    run = _open(options, settings, foreign=options.images is not None)
    print(f"trained: {train_gan(run, options.start, options.images)}")


def _train_segmenter(options: argparse.Namespace) -> None:
    from ganverse_nb.workflow import commands

    train = commands.train_photo_segmenter if options.photographs else commands.train_segmenter
    print(f"trained: {train(_open(options))}")


def _train_pose(options: argparse.Namespace) -> None:
    from ganverse_nb.workflow.commands import train_pose

    print(f"trained: {train_pose(_open(options))}")


def _choose_views(options: argparse.Namespace) -> None:
    from ganverse_nb.workflow.commands import choose_views, measure_views

    run, gan = _open(options), options.gan or options.category
    if options.split_layer is None:
        print("layer  deviation (degrees)  views  largest gap  variety of shape")
        for m in measure_views(run, gan):
            shape = m.shape.silhouette if m.shape else float("nan")
            numbers = f"{m.chosen_deviation:19.1f}  {m.chosen_views:5}  {m.chosen_gap:11.0f}  {shape:16.3f}"
            print(f"{m.split_layer:5}  {numbers}")
        print("choose the layer with a small deviation and much shape, and pass it as --split-layer")
        return
    codes = choose_views(run, gan, options.split_layer, options.output)
    print(f"wrote {options.output}: {len(codes)} views, largest gap {codes.largest_gap:.0f} degrees")


def _measure_gan(options: argparse.Namespace) -> None:
    from ganverse_nb.workflow.commands import measure_gan

    real = options.images or _open(options)
    inception, own = measure_gan(options.gan or options.category, real, options.seed)
    print(inception or "no FID: Inception's weights are not on disk (`ganverse fetch-weights inception`)")
    print(f"KID: {own}")


def _project(options: argparse.Namespace) -> None:
    from ganverse_nb.workflow.commands import project

    output = options.output or options.picture.with_name(f"{options.picture.stem}_projected.png")
    likeness = project(options.gan, options.picture, output, options.space, options.steps, options.seed, options.fit)
    print(f"wrote {output} and {output.with_suffix('.safetensors')}: {likeness}")


def _import_gan(options: argparse.Namespace) -> None:
    from ganverse_nb.gan.convert import import_gan

    path, record = import_gan(options.file, options.output)
    height, width = record["picture_size"]
    print(f"read: {record['format']}, {record['config']}, {width}x{height} px, SHA-256 {record['sha256']}")
    for note in [*record["notes"], record["licence"]]:
        print(note)
    print(f"wrote {path} and {path.with_suffix('.json')}")


def _networks(options: argparse.Namespace) -> Run | str:
    """The run that is meant, or its category: where it has not begun and the package brings what it would learn."""
    from ganverse_nb.runtime.shipped import is_shipped

    config = load_config(options.profile, options.category, options.seed, _settings(options))
    if is_shipped(plain(as_json(config))) and not run_directory(config, options.runs).exists():
        return config.category
    return _open(options)


def _fetch_gan(options: argparse.Namespace) -> None:
    from ganverse_nb.gan.fetch import fetch_gan

    path = fetch_gan(options.name, options.directory, options.sha256)
    print(f"next: ganverse import-gan {path}")


def _fetch_weights(options: argparse.Namespace) -> None:
    from ganverse_nb.workflow.weights import fetch_weights

    config = load_config(options.profile, options.category, settings=_settings(options))
    fetch_weights(config, options.names, config.weights.download)


def _reconstruct(options: argparse.Namespace) -> None:
    from ganverse_nb.workflow.commands import reconstruct

    output = options.output or options.picture.with_suffix(".glb")
    how = {"force": options.force, "refine": options.refine, "segmenter": options.segmenter}
    print(reconstruct(_networks(options), options.picture, output, options.turntable, **how))


def _ground_truth_views(options: argparse.Namespace) -> None:
    from ganverse_nb.workflow.commands import ground_truth_views

    count = ground_truth_views(_open(options), options.folder, options.resolution)
    print(f"wrote {count} photographs; put a mesh of each beside it and call: ganverse score-meshes {options.folder}")


def _score_meshes(options: argparse.Namespace) -> None:
    from ganverse_nb.workflow.commands import score_meshes

    print(score_meshes(_open(options), options.folder, options.align, options.shape_only))
    print(f"wrote {options.folder / 'scores.json'}")


def _score_photos(options: argparse.Namespace) -> None:
    from ganverse_nb.data.photo_sets import read_photo_set
    from ganverse_nb.workflow.score_photos import score_photos, table

    objects = [name for name in options.objects.split(",") if name]
    chosen = {name: getattr(options, name) for name in ("category", "objects", "masks", "limit")}
    command = f"ganverse score-photos --dataset {options.dataset} {options.folder}"
    command += "".join(f" --{name} {value}" for name, value in chosen.items() if value)
    photos = read_photo_set(options.dataset, options.folder, options.category, objects).sample(options.limit)
    (options.category,) = photos.categories
    print(table(score_photos(_networks(options), photos, command, options.masks, options.output)))
    if options.output is not None:
        print(f"wrote {options.output}")


def _edit(options: argparse.Namespace) -> None:
    from ganverse_nb.workflow.commands import edit

    sources = {name: getattr(options, name) or options.picture for name in ("camera", "shape", "texture", "background")}
    turn = {name: getattr(options, name) for name in ("azimuth", "elevation", "distance")}
    given = {name: value for name, value in turn.items() if value is not None}
    edit(_networks(options), sources, given, options.output, options.fit)
    print(f"wrote {options.output}")


def _demo(options: argparse.Namespace) -> int:
    from ganverse_nb.workflow.demo import serve_demo

    return serve_demo(_open(options), _settings(options), options.port, options.browser)


def _doctor(options: argparse.Namespace) -> int:
    from ganverse_nb.workflow.doctor import examine

    well = True
    for finding in examine(Path()):
        well &= finding.ok is not False
        print(f"{ {True: 'ok', False: 'BAD', None: '-'}[finding.ok]:4} {finding.name:16} {finding.text}", flush=True)
    return 0 if well else 1


def _bundle(options: argparse.Namespace) -> None:
    from ganverse_nb.workflow.bundle import bundle

    print(f"wrote {bundle(reopen_run(options.run))}")


def _config(options: argparse.Namespace) -> None:
    config = load_config(options.profile, options.category, options.seed, _settings(options))
    print(json.dumps(as_json(config), indent=1))


# ---- options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ganverse", description="GANverse3D, reproduced.")
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("--traceback", action="store_true", help="show where an error came from")
    parser.set_defaults(command=None, extra=None)
    commands = parser.add_subparsers(metavar="command")

    def add(
        name: str, function: Callable[[argparse.Namespace], int | None], text: str, extra: str | None = None
    ) -> argparse.ArgumentParser:
        """A command; `extra` of the installation is what it needs."""
        command = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
        command.set_defaults(command=function, extra=extra and (extra, f"ganverse {name}"))
        return command

    jobs_help = "notebooks at the same time (default: 2 on processors, 1 on a GPU)"
    command = add("reproduce", _reproduce, "execute every notebook and write figures/report.html", "notebooks")
    _run_options(command)
    command.add_argument("--only", default="", metavar="04,09", help="these notebooks instead of all")
    command.add_argument("--notebooks", type=Path, metavar="DIR", help="where the notebooks are")
    command.add_argument("--jobs", type=int, metavar="N", help=jobs_help)
    command = add("sweep", _sweep, "execute notebooks for several seeds and settings: a table of them all", "notebooks")
    command.add_argument("--seeds", default="0,1,2", metavar="0,1,2")
    command.add_argument(
        "--vary",
        action="append",
        default=[],
        metavar="STAGE.KEY=VALUE,VALUE",
        help="a setting and its values, as in inverse.weight_perceptual=0.5,0; of several, every combination",
    )
    _profile_options(command, seed=False)
    command.add_argument("--only", default="04", metavar="04,09", help="the notebooks that measure (default: 04)")
    command.add_argument("--notebooks", type=Path, metavar="DIR", help="where the notebooks are")
    command.add_argument("--jobs", type=int, metavar="N", help=jobs_help)
    command.add_argument("--sweeps", type=Path, default=Path("sweeps"), metavar="DIR", help="where sweeps are kept")
    command = add(
        "train-gan", _train_gan, "train the StyleGAN2 of a category on studio photos, or on your own pictures", "train"
    )
    _run_options(command)
    command.add_argument(
        "--images", type=Path, metavar="FOLDER", help="pictures of your own; name what they show: --category cat"
    )
    command.add_argument(
        "--mirror",
        action="store_true",
        help="show half of the pictures mirrored: more variety for a small set, but a view from the left is then one "
        "from the right, and whatever is read from the side it shows (azimuth, lettering) loses its meaning",
    )
    command.add_argument(
        "--augment",
        nargs="?",
        const=AUGMENT,
        metavar="POLICY",
        help=f"DiffAugment, for a set of a few hundred pictures: some of {AUGMENT} (default: all)",
    )
    command.add_argument(
        "--from", dest="start", metavar="GAN", help=f"go on from a bundled GAN ({', '.join(BUNDLED)}) or a file's"
    )
    command = add("train-segmenter", _train_segmenter, "train the small Mask R-CNN on studio photos")
    _run_options(command)
    command.add_argument("--photographs", action="store_true", help="the one for photographs, of all categories")
    _run_options(add("train-pose", _train_pose, "train the pose regressor that measures views"))
    command = add("choose-views", _choose_views, "measure the split layers of a GAN, or choose its view codes")
    _run_options(command)
    command.add_argument("--gan", metavar="FILE", help="a trained GAN instead of the bundled one")
    command.add_argument("--split-layer", type=int, metavar="K", help="choose codes for the layers below K")
    command.add_argument("--output", type=Path, default=Path("views.safetensors"), metavar="FILE")
    command = add(
        "measure-gan", _measure_gan, "measure how far a GAN's pictures are from real ones: FID and KID", "eval"
    )
    _run_options(command)
    command.add_argument("--gan", metavar="FILE", help="a trained GAN instead of the bundled one")
    command.add_argument("--images", type=Path, metavar="FOLDER", help="real pictures instead of the studio's photos")
    command = add("project", _project, "find the latent of a GAN whose picture is most like the given one")
    command.add_argument("picture", type=Path)
    command.add_argument("--gan", default="car", metavar="GAN", help="a bundled GAN or a file (default: car)")
    command.add_argument("--space", default="w", help="w (default), w+ or styles: ever closer, ever harder to edit")
    command.add_argument("--steps", type=int, default=500)
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--fit", action="store_true", help="crop and scale the picture to what the GAN makes")
    command.add_argument("--output", type=Path, metavar="FILE", help="default: <picture>_projected.png beside it")
    command = add("import-gan", _import_gan, "convert a StyleGAN2 of NVIDIA, ada, stylegan3 or rosinality, safely")
    command.add_argument("file", type=Path, help=".pkl or .pt; nothing in it is executed")
    command.add_argument("--output", type=Path, metavar="NAME", help="default: beside the file, as .safetensors")
    command = add("fetch-gan", _fetch_gan, "download an official StyleGAN2, or say how to get it by hand")
    command.add_argument("name", help="car, car-config-f, horse, cat, church")
    command.add_argument("--directory", type=Path, default=Path("gans"), metavar="DIR", help="default: gans")
    command.add_argument("--sha256", metavar="HEX", help="refuse another file than this")
    command = add("bundle", _bundle, "write what a finished run has learned into the package")
    command.add_argument("run", type=Path, metavar="RUN", help="the run's directory, as in runs/car-mini-seed0")
    command = add("fetch-weights", _fetch_weights, "download the weights of others that a profile needs, as paper does")
    command.add_argument("names", nargs="*", metavar="NAME", help="instead of those: coco, vgg16, inception (for FID)")
    _profile_options(command, seed=False)
    command = add("reconstruct", _reconstruct, "write the textured 3D mesh of the object in a photo of any size")
    command.add_argument("picture", type=Path)
    _run_options(command)
    command.add_argument(
        "--out", "--output", dest="output", type=Path, metavar="FILE", help=".glb or .obj (default: beside the picture)"
    )
    command.add_argument("--turntable", type=Path, metavar="FILE", help="also a .gif of it, turning")
    command.add_argument("--force", action="store_true", help="also where the picture is out of domain")
    command.add_argument("--refine", action="store_true", help="fit camera, shape and texture to the picture")
    command.add_argument(
        "--segmenter", metavar="NAME", help="who cuts the object out: rembg, far better on photographs, or onnx:FILE"
    )
    command = add(
        "ground-truth-views",
        _ground_truth_views,
        "write photographs whose truth is known, for other systems to reconstruct",
    )
    command.add_argument("folder", type=Path)
    command.add_argument("--resolution", type=int, default=512, metavar="PX", help="default: 512")
    _run_options(command)
    command = add(
        "score-meshes", _score_meshes, "compare meshes that another system made of them with the truth", "eval"
    )
    command.add_argument(
        "folder", type=Path, help="of .glb files with the names of the photographs: photo_000.glb, ..."
    )
    command.add_argument(
        "--align", default="any_pose", help="none, similarity, any_pose (default: the axes are unknown)"
    )
    command.add_argument("--shape-only", action="store_true", help="also take meshes without a texture")
    _run_options(command)
    command = add("score-photos", _score_photos, "measure the networks on a public set of real photographs")
    command.add_argument("folder", type=Path, help="where the set's archive was unpacked")
    command.add_argument(
        "--dataset", required=True, help="carvana, coil100, epfl, weizmann, cub, davis, folder-with-masks"
    )
    command.add_argument("--objects", default="", metavar="A,B", help="these objects of the set only")
    command.add_argument(
        "--masks", help="given (by the set) or own (the segmenter's); default: given where there are some"
    )
    command.add_argument(
        "--limit", type=int, metavar="N", help="only so many of the photographs, drawn once and for all"
    )
    command.add_argument(
        "--out", "--output", dest="output", type=Path, metavar="FILE", help="also write the rows as JSON"
    )
    _run_options(command)
    command.set_defaults(category=None)
    command = add("edit", _edit, "render a picture with camera, shape, texture or background of other pictures")
    command.add_argument("picture", type=Path)
    command.add_argument("--fit", action="store_true", help="crop and scale the picture to what the networks take")
    _run_options(command)
    for name in ("camera", "shape", "texture", "background"):
        command.add_argument(f"--{name}", type=Path, metavar="PICTURE", help=f"take the {name} from this one")
    for name, text in {
        "azimuth": "degrees, 0 sees the front",
        "elevation": "degrees",
        "distance": "world units",
    }.items():
        command.add_argument(f"--{name}", type=float, help=f"of the camera, instead of the picture's own; {text}")
    command.add_argument("--output", type=Path, default=Path("edited.png"), metavar="FILE")
    command = add("demo", _demo, "serve notebook 00 as a page without code, for showing to others", "notebooks")
    _run_options(command)
    command.add_argument("--port", type=int, default=8866, metavar="N", help="default: 8866")
    command.add_argument("--no-browser", dest="browser", action="store_false", help="do not open it here")
    command = add("config", _config, "print the settings of a profile")
    _profile_options(command)
    add("doctor", _doctor, "check whether this machine can run the project")
    return parser


def _profile_options(command: argparse.ArgumentParser, seed: bool = True) -> None:
    command.add_argument("--profile", default="mini", help="smoke, mini (default), gpu, paper")
    command.add_argument("--category", default="car")
    if seed:
        command.add_argument("--seed", type=int, default=0)
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="STAGE.KEY=VALUE",
        help="change one setting, as in inverse.steps=100",
    )
    command.add_argument(
        "--yes", action="store_true", help="download the weights that a setting asks for by name, without asking"
    )


def _run_options(command: argparse.ArgumentParser) -> None:
    _profile_options(command)
    command.add_argument("--runs", type=Path, default=Path("runs"), metavar="DIR", help="where runs are kept")
    command.add_argument("--figures", type=Path, default=Path("figures"), metavar="DIR", help="where figures go")


def _open(options: argparse.Namespace, settings: Mapping[str, Any] | None = None, foreign: bool = False) -> Run:
    """The run that the options name; `settings` are those of options with names of their own."""
    changes = _settings(options) | dict(settings or {})
    return open_run(
        options.profile, options.category, options.seed, options.runs, options.figures, changes, foreign=foreign
    )


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    """`--set inverse.steps=100 --yes` -> `{"inverse.steps": 100, "weights.download": True}`; not JSON: text."""
    settings = {name: _value(text) for name, text in map(_assignment, options.set)}
    return settings | {"weights.download": True} if options.yes else settings


def _assignment(text: str, option: str = "--set") -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"{option} {text}: write STAGE.KEY=VALUE, as in inverse.steps=100.")
    return name.strip(), value


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _values(text: str) -> list[Any]:
    """`"0.5,0"` -> `[0.5, 0]`; values that are lists keep their commas: `"[1,2],[3,4]"`."""
    several = _value(f"[{text}]")
    return several if isinstance(several, list) else [_value(part) for part in text.split(",")]


if __name__ == "__main__":
    sys.exit(main())
