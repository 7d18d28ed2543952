"""The commands and their options; what they do is in `workflow.cli`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from ganverse_nb import __version__
from ganverse_nb.categories import CATEGORIES
from ganverse_nb.workflow.jobs import EXECUTORS, HERE
from ganverse_nb.workflow.options import POLICY, images_option, profile_options, rows, run_options
from ganverse_nb.workflow.together import STAGES

Command = Callable[[argparse.Namespace], int | None]


def make_parser(command_of: Callable[[str], Command]) -> argparse.ArgumentParser:
    """The parser of all commands.

    Args:
        command_of: a command's name -> what does it.
    """
    parser = argparse.ArgumentParser(prog="ganverse", description="GANverse3D, reproduced.")
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("--traceback", action="store_true", help="show where an error came from")
    parser.set_defaults(command=None, extra=None, shared=False, opened=None)
    commands = parser.add_subparsers(metavar="command")

    def add(name: str, text: str, extra: str | None = None, shared: bool = False) -> argparse.ArgumentParser:
        """A command; `extra` of the installation is what it needs; `shared` if several processes can share it."""
        command = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
        command.set_defaults(command=command_of(name), extra=extra and (extra, f"ganverse {name}"), shared=shared)
        return command

    jobs_help = "notebooks at the same time (default: 2 on processors, 1 on a GPU)"
    command = add("reproduce", "execute every notebook and write figures/report.html", "notebooks")
    run_options(command)
    images_option(command)
    command.add_argument(
        "--views", choices=("auto", "labelled"), help="view codes of your own category: suggested, or from notebook 02"
    )
    command.add_argument("--only", default="", metavar="04,09", help="these notebooks instead of all")
    command.add_argument("--notebooks", type=Path, metavar="DIR", help="where the notebooks are")
    command.add_argument("--jobs", type=int, metavar="N", help=jobs_help)
    command = add("sweep", "execute notebooks for several seeds and settings: a table of them all", "notebooks")
    command.add_argument("--seeds", default="0,1,2", metavar="0,1,2")
    command.add_argument(
        "--vary",
        action="append",
        default=[],
        metavar="STAGE.KEY=VALUE,VALUE",
        help="a setting and its values, as in inverse.weight_perceptual=0.5,0; of several, every combination",
    )
    profile_options(command, seed=False)
    command.add_argument("--only", default="04", metavar="04,09", help="the notebooks that measure (default: 04)")
    command.add_argument("--notebooks", type=Path, metavar="DIR", help="where the notebooks are")
    command.add_argument("--jobs", type=int, metavar="N", help=jobs_help)
    command.add_argument(
        "--executor", choices=EXECUTORS, default=HERE, help="slurm: each seed is a job (default: here)"
    )
    text = "what a job takes, by submitit's names, as in slurm_partition=gpu or timeout_min=600"
    command.add_argument("--job", action="append", default=[], metavar="KEY=VALUE", help=text)
    command.add_argument("--sweeps", type=Path, default=Path("sweeps"), metavar="DIR", help="where sweeps are kept")
    text = "train the StyleGAN2 of a category on studio photos, or on your own pictures"
    command = add("train-gan", text, "train", shared=True)
    run_options(command)
    images_option(command)
    command.add_argument(
        "--mirror",
        action="store_true",
        help="show half of the pictures mirrored: more variety for a small set, but a view from the left is then one "
        "from the right, and whatever is read from the side it shows (azimuth, lettering) loses its meaning",
    )
    command.add_argument(
        "--augment",
        nargs="?",
        const=POLICY,
        metavar="POLICY",
        help=f"DiffAugment, for a set of a few hundred pictures: some of {POLICY} (default: all)",
    )
    command.add_argument(
        "--from",
        dest="start",
        metavar="GAN",
        help=f"go on from a bundled GAN ({', '.join(CATEGORIES)}), a file's, or the bundled one nearest to the "
        "pictures by KID: nearest, the default for pictures of your own; fresh begins with random networks",
    )
    text = "train the small Mask R-CNN on studio photos, or on your own masked pictures"
    command = add("train-segmenter", text, shared=True)
    run_options(command)
    command.add_argument(
        "--masks",
        type=Path,
        metavar="FOLDER",
        help="pictures of your own with an alpha channel, or NAME_mask.png beside NAME.jpg (default: the category's)",
    )
    command.add_argument("--photographs", action="store_true", help="the one for photographs, of all categories")
    command.add_argument(
        "--from",
        dest="start",
        metavar="FILE",
        help="with --photographs: go on from such a network, or from the bundled one: bundled",
    )
    text = "compute stages of a run, by as many processes as torchrun starts, for reproduce and notebooks to find"
    command = add("compute", text, shared=True)
    command.add_argument("stages", nargs="+", metavar="STAGE", help=", ".join(STAGES))
    run_options(command)
    images_option(command)
    run_options(add("train-camera", "train the network that reads cameras off photographs, of all categories"))
    run_options(add("train-pose", "train the pose regressor that measures views"))
    command = add("choose-views", "measure the split layers of a GAN, or choose its view codes")
    run_options(command)
    command.add_argument("--gan", metavar="FILE", help="a trained GAN instead of the bundled one")
    command.add_argument("--split-layer", type=int, metavar="K", help="choose codes for the layers below K")
    command.add_argument("--output", type=Path, default=Path("views.safetensors"), metavar="FILE")
    command = add("measure-gan", "measure how far a GAN's pictures are from real ones: FID and KID", "eval")
    run_options(command)
    command.add_argument("--gan", metavar="FILE", help="a trained GAN instead of the bundled one")
    command.add_argument("--images", type=Path, metavar="FOLDER", help="real pictures instead of the studio's photos")
    command = add("project", "find the latent of a GAN whose picture is most like the given one")
    command.add_argument("picture", type=Path)
    command.add_argument("--gan", metavar="GAN", help="a bundled GAN or a file (default: the run's)")
    profile_options(command)
    command.add_argument("--space", default="w", help="w (default), w+ or styles: ever closer, ever harder to edit")
    command.add_argument("--steps", type=int, default=500)
    command.add_argument("--fit", action="store_true", help="crop and scale the picture to what the GAN makes")
    command.add_argument("--output", type=Path, metavar="FILE", help="default: <picture>_projected.png beside it")
    command = add("import-gan", "convert a StyleGAN2 of NVIDIA, ada, stylegan3 or rosinality, safely")
    command.add_argument("file", type=Path, help=".pkl or .pt; nothing in it is executed")
    command.add_argument(
        "--rows", type=rows, metavar="A:B", help="of the picture, A to B - 1, where its bars are not recognised"
    )
    command.add_argument("--output", type=Path, metavar="NAME", help="default: beside the file, as .safetensors")
    command = add("fetch-gan", "download an official StyleGAN2, or say how to get it by hand")
    command.add_argument("name", help="car, car-config-f, horse, cat, church")
    command.add_argument("--directory", type=Path, default=Path("gans"), metavar="DIR", help="default: gans")
    command.add_argument("--sha256", metavar="HEX", help="refuse another file than this")
    command = add("bundle", "write what a finished run has learned into the package")
    command.add_argument("run", type=Path, metavar="RUN", help="the run's directory, as in runs/car-mini-seed0")
    command = add("fetch-weights", "download the weights of others that a profile needs, as paper does")
    command.add_argument("names", nargs="*", metavar="NAME", help="instead of those: coco, vgg16, inception (for FID)")
    profile_options(command)
    command = add("reconstruct", "write the textured 3D mesh of the object in a photo, or in each of a folder")
    command.add_argument("picture", type=Path, help="a picture, or a folder: a table, meshes and a contact sheet")
    run_options(command)
    command.add_argument(
        "--out",
        "--output",
        dest="output",
        type=Path,
        metavar="FILE",
        help=".glb or .obj, of a folder another folder (default: beside the picture, or the folder)",
    )
    command.add_argument("--turntable", type=Path, metavar="FILE", help="also a .gif of it, turning")
    command.add_argument("--force", action="store_true", help="also where the picture is out of domain")
    command.add_argument("--refine", action="store_true", help="fit camera, shape and texture to the picture")
    command.add_argument(
        "--segmenter", metavar="NAME", help="who cuts the object out: rembg, far better on photographs, or onnx:FILE"
    )
    text = "who has a second opinion on the camera: what train-camera writes, or none (default: the package's network)"
    command.add_argument("--photo-camera", metavar="FILE", help=text)
    command = add(
        "ground-truth-views",
        "write photographs whose truth is known, for other systems to reconstruct",
    )
    command.add_argument("folder", type=Path)
    command.add_argument("--resolution", type=int, default=512, metavar="PX", help="default: 512")
    run_options(command)
    command = add("score-meshes", "compare meshes that another system made of them with the truth", "eval")
    command.add_argument(
        "folder", type=Path, help="of .glb files with the names of the photographs: photo_000.glb, ..."
    )
    command.add_argument(
        "--align", default="any_pose", help="none, similarity, any_pose (default: the axes are unknown)"
    )
    command.add_argument("--shape-only", action="store_true", help="also take meshes without a texture")
    run_options(command)
    command = add("score-photos", "measure the networks on a public set of real photographs")
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
    run_options(command)
    command = add("edit", "render a picture with camera, shape, texture or background of other pictures")
    command.add_argument("picture", type=Path)
    command.add_argument("--fit", action="store_true", help="crop and scale the picture to what the networks take")
    run_options(command)
    for name in ("camera", "shape", "texture", "background"):
        command.add_argument(f"--{name}", type=Path, metavar="PICTURE", help=f"take the {name} from this one")
    for name, text in {
        "azimuth": "degrees, 0 sees the front",
        "elevation": "degrees",
        "distance": "world units",
    }.items():
        command.add_argument(f"--{name}", type=float, help=f"of the camera, instead of the picture's own; {text}")
    command.add_argument("--keep", action="store_true", help="tune the GAN to the picture first; some seconds")
    command.add_argument(
        "--keep-background", action="store_true", help="the very pixels of the background, where they are known"
    )
    command.add_argument("--turntable", type=Path, metavar="FILE", help="also a .gif of it, turning, by both renderers")
    command.add_argument("--output", type=Path, default=Path("edited.png"), metavar="FILE")
    command = add("demo", "serve notebook 00 as a page without code, for showing to others", "notebooks")
    run_options(command)
    command.add_argument("--port", type=int, default=8866, metavar="N", help="default: 8866")
    command.add_argument("--no-browser", dest="browser", action="store_false", help="do not open it here")
    command = add("config", "print the settings of a profile")
    profile_options(command)
    command = add("check", "list all that a profile needs from outside, and the command that gets each")
    profile_options(command)
    images_option(command)
    command = add("doctor", "check whether this machine can run the project, and with --profile what that needs")
    profile_options(command)
    command = add("new-category", "write the file of a category of your own, from its pictures if there are any")
    command.add_argument("name", help="what they show, as in mug: small letters, digits and underscores")
    command.add_argument("--images", type=Path, metavar="FOLDER", help="the pictures; none where a network paints them")
    command.add_argument("--output", type=Path, metavar="FILE", help="default: NAME.toml")
    return parser
