"""The command line: thin functions over the library; what is expected to go wrong is one sentence."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

from ganverse_nb.config import as_json
from ganverse_nb.runtime.errors import ExpectedError
from ganverse_nb.runtime.extras import require
from ganverse_nb.runtime.process import prepare_process, stops_like_ctrl_c
from ganverse_nb.runtime.team import Team
from ganverse_nb.workflow.configuration import as_option, means
from ganverse_nb.workflow.next_steps import after
from ganverse_nb.workflow.options import (
    assignment,
    chosen,
    has_begun,
    meant,
    open_chosen,
    settings,
    values,
)
from ganverse_nb.workflow.parser import make_parser
from ganverse_nb.workflow.run import Run, reopen_run
from ganverse_nb.workflow.terminal import patient_streams, say, show_warning, told
from ganverse_nb.workflow.together import started_together

INTERRUPTED = "interrupted; run the same command to continue"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; its exit code: 0, 1 (doctor found something), 2 (expected error), 130 (interrupted)."""
    prepare_process()  # before torch is imported
    with stops_like_ctrl_c(), patient_streams(), warnings.catch_warnings():
        warnings.showwarning = show_warning
        parser = _parser()
        options = parser.parse_args(arguments)
        if options.command is None:
            parser.print_help(sys.stderr)
            return 2
        team = Team()
        try:
            try:
                if options.extra:
                    require(*options.extra)
                with started_together(options) as team:
                    return options.command(options) or 0
            except Exception as error:  # while it is told, the launcher may stop this process, too
                expected = told(error)
                if options.traceback or expected is None:
                    raise
                if options.opened is not None and team.is_main:
                    options.opened.abandon()
                return say(expected if team.size == 1 else f"{team.name}: {expected}", 2)
        except KeyboardInterrupt:
            if gone := team.ended(seconds=0) if team.size > 1 else []:  # whereupon the launcher stops the others
                return say(f"{team.name}: {team.stopped(gone)}", 2)
            return say(INTERRUPTED, 130) if team.is_main else 130


# ---- commands


def _reproduce(options: argparse.Namespace) -> int:
    from ganverse_nb.runtime.rows import is_met
    from ganverse_nb.workflow.commands import prepare
    from ganverse_nb.workflow.inputs import check_bundled
    from ganverse_nb.workflow.needs import check_needs
    from ganverse_nb.workflow.reproduce import reproduce
    from ganverse_nb.workflow.weights import offer_weights

    config = chosen(options)
    check_bundled(config)
    offer_weights(config)  # here, where somebody can be asked
    only = [number for number in options.only.split(",") if number]
    check_needs(config, meant(options)[-1], refuse=not only)
    run = open_chosen(options)
    prepare(run)
    report = reproduce(run, only, options.notebooks, options.jobs)
    rows = run.rows()
    missed = [row for row in rows if is_met(row, rows) is False]
    for row in missed:
        print(f"not met: {row.key} is {row.ours} {row.unit}".rstrip() + f", the bar is {row.bar}")
    if report is None:
        print(f"nothing was measured; executed notebooks are in {run.directory / 'notebooks'}")
    else:
        print(f"{len(rows)} numbers, {len(missed)} bars not met: {report}")
    print(after("reproduce", run))
    return 0


def _sweep(options: argparse.Namespace) -> None:
    from ganverse_nb.workflow.configuration import changes, run_config
    from ganverse_nb.workflow.sweep import sweep
    from ganverse_nb.workflow.weights import offer_weights

    try:
        seeds = [int(seed) for seed in options.seeds.split(",")]
    except ValueError:
        raise ValueError(f"--seeds {options.seeds}: write numbers, as in 0,1,2.") from None
    only = [number for number in options.only.split(",") if number]
    vary = {name: values(text) for name, text in (assignment(text, "--vary") for text in options.vary)}
    profile, category, _, runs = meant(options)
    offer_weights(config := chosen(options))
    own = changes(run_config(profile, category, config.seed, "nowhere"), config) | settings(options)
    job = dict(assignment(text, "--job") for text in options.job)
    if lacking := [name for name, text in job.items() if not text]:
        raise ValueError(f"--job {lacking[0]}=: give a value, as in timeout_min=600.")
    taken = {name: values(text)[0] for name, text in job.items()}
    where = options.sweeps, options.notebooks, options.jobs, options.executor, taken
    path = sweep(profile, category, seeds, vary, own, only, *where)
    print(f"{path.read_text()}\nwrote {path} and {path.with_suffix('.json')}")
    print(f"next: ganverse reproduce {means(config, runs)}")


def _train_gan(options: argparse.Namespace) -> None:
    from ganverse_nb.workflow.commands import train_gan

    own = {"gan.mirror": True} if options.mirror else {}
    own |= {"gan.augment": options.augment} if options.augment else {}
    run = open_chosen(options, own)
    path = train_gan(run, options.start)
    print(f"trained: {path}\n{after('train-gan', run, path)}")


def _train_segmenter(options: argparse.Namespace) -> None:
    from ganverse_nb.workflow import commands

    if options.start and not options.photographs:
        raise ExpectedError("--from goes with --photographs: the small Mask R-CNN is trained from the beginning.")
    run, command = open_chosen(options), "train-segmenter"
    if options.photographs:
        path, command = commands.train_photo_segmenter(run, options.start or ""), f"{command} --photographs"
    else:
        path = commands.train_segmenter(run, options.masks)
    print(f"trained: {path}\n{after(command, run, path)}")


def _compute(options: argparse.Namespace) -> None:
    from ganverse_nb.workflow.inputs import check_bundled
    from ganverse_nb.workflow.together import compute

    check_bundled(chosen(options))
    run = open_chosen(options)
    for path in compute(run, options.stages):
        print(f"computed: {path}")
    print(after("compute", run))


def _train_camera(options: argparse.Namespace) -> None:
    from ganverse_nb.workflow.commands import train_photo_camera

    path = train_photo_camera(run := open_chosen(options))
    print(f"trained: {path}\n{after('train-camera', run, path)}")


def _train_pose(options: argparse.Namespace) -> None:
    from ganverse_nb.workflow.commands import train_pose

    print(f"trained: {train_pose(run := open_chosen(options))}\n{after('train-pose', run)}")


def _choose_views(options: argparse.Namespace) -> None:
    from ganverse_nb.workflow.commands import choose_views, measure_views
    from ganverse_nb.workflow.inputs import teacher_file

    run = open_chosen(options)
    gan = options.gan or str(teacher_file(run))
    if options.split_layer is None:
        print("layer  deviation (degrees)  views  largest gap  variety of shape")
        for m in measure_views(run, gan):
            shape = m.shape.silhouette if m.shape else float("nan")
            numbers = f"{m.chosen_deviation:19.1f}  {m.chosen_views:5}  {m.chosen_gap:11.0f}  {shape:16.3f}"
            print(f"{m.split_layer:5}  {numbers}")
        print("choose the layer with a small deviation and much shape")
        print(after("measure-views", run, gan=options.gan))
        return
    codes = choose_views(run, gan, options.split_layer, options.output)
    print(f"wrote {options.output}: {len(codes)} views, largest gap {codes.largest_gap:.0f} degrees")
    print(after("choose-views", run, options.output, gan=options.gan))


def _measure_gan(options: argparse.Namespace) -> None:
    from ganverse_nb.workflow.commands import measure_gan, pictures_folder
    from ganverse_nb.workflow.inputs import teacher_file

    images, options.images = options.images, None  # which names no category here
    if options.gan and images:
        run, gan, real = None, options.gan, images
    else:
        run = open_chosen(options)
        gan, real = options.gan or str(teacher_file(run)), images or pictures_folder(run) or run
    inception, own = measure_gan(gan, real, options.seed or 0)
    print(inception or "no FID: Inception's weights are not on disk (`ganverse fetch-weights inception`)")
    print(f"KID: {own}")
    if run:
        print(after("measure-gan", run))


def _project(options: argparse.Namespace) -> None:
    from ganverse_nb.workflow.inputs import teacher_file
    from ganverse_nb.workflow.picture_commands import project

    gan, networks = options.gan, _networks(options)
    if gan is None:
        gan = networks if isinstance(networks, str) else str(teacher_file(networks))
    output = options.output or options.picture.with_name(f"{options.picture.stem}_projected.png")
    seed = options.seed or 0
    likeness = project(gan, options.picture, output, options.space, options.steps, seed, options.fit)
    print(f"wrote {output} and {output.with_suffix('.safetensors')}: {likeness}")
    print(after("project", networks, output))


def _import_gan(options: argparse.Namespace) -> None:
    from ganverse_nb.gan.convert import import_gan

    path, record = import_gan(options.file, options.output, options.rows)
    height, width = record["picture_size"]
    print(f"read: {record['format']}, {record['config']}, {width}x{height} px, SHA-256 {record['sha256']}")
    for note in [*record["notes"], record["licence"]]:
        print(note)
    print(f"wrote {path} and {path.with_suffix('.json')}")
    print(
        f"next: ganverse check --profile paper {as_option('gan.network', str(path))}, and --category of what it paints"
    )


def _networks(options: argparse.Namespace) -> Run | str:
    """The run that is meant, or what the package calls the networks that it would learn: where it has not begun."""
    from ganverse_nb.runtime.shipped import is_shipped, shipped_name

    config = chosen(options)
    if is_shipped(as_json(config)) and not has_begun(options, config):
        return shipped_name(as_json(config))
    return open_chosen(options)


def _fetch_gan(options: argparse.Namespace) -> None:
    from ganverse_nb.gan.fetch import fetch_gan

    path = fetch_gan(options.name, options.directory, options.sha256)
    print(f"next: ganverse import-gan {path}")


def _fetch_weights(options: argparse.Namespace) -> None:
    from ganverse_nb.workflow.weights import fetch_weights

    config = chosen(options)
    fetch_weights(config, options.names, config.weights.download)
    print(f"next: ganverse check {means(config, meant(options)[-1])}")


def _reconstruct(options: argparse.Namespace) -> None:
    from ganverse_nb.workflow.picture_commands import reconstruct, reconstruct_folder

    how = {name: getattr(options, name) for name in ("force", "refine", "segmenter", "photo_camera")}
    networks, picture = _networks(options), options.picture
    if picture.is_dir():
        if options.turntable:
            raise ValueError("--turntable is of a single picture; leave it out for a folder.")
        output = options.output or picture.with_name(f"{picture.resolve().name}_reconstructed")
        words, picture = reconstruct_folder(networks, picture, output, **how)
        print(words)
    else:
        output = options.output or picture.with_suffix(".glb")
        print(reconstruct(networks, picture, output, options.turntable, **how))
    print(after("reconstruct", networks, picture or "photo.jpg"))


def _ground_truth_views(options: argparse.Namespace) -> None:
    from ganverse_nb.workflow.commands import ground_truth_views

    count = ground_truth_views(run := open_chosen(options), options.folder, options.resolution)
    print(f"wrote {count} photographs; put a mesh of each beside it, as photo_000.glb")
    print(after("ground-truth-views", run, options.folder))


def _score_meshes(options: argparse.Namespace) -> None:
    from ganverse_nb.workflow.commands import score_meshes

    print(score_meshes(run := open_chosen(options), options.folder, options.align, options.shape_only))
    print(f"wrote {options.folder / 'scores.json'}\n{after('score-meshes', run)}")


def _score_photos(options: argparse.Namespace) -> None:
    from ganverse_nb.data.photo_sets import read_photo_set
    from ganverse_nb.workflow.score_photos import score_photos, table

    objects = [name for name in options.objects.split(",") if name]
    given = {name: getattr(options, name) for name in ("category", "objects", "masks", "limit")}
    command = f"ganverse score-photos --dataset {options.dataset} {options.folder}"
    command += "".join(f" --{name} {value}" for name, value in given.items() if value)
    photos = read_photo_set(options.dataset, options.folder, options.category, objects).sample(options.limit)
    (shown,) = photos.categories
    options.category = None if options.run else shown
    networks = _networks(options)
    if isinstance(networks, Run) and networks.config.category != shown and not networks.config.kind.is_own:
        raise ExpectedError(
            f"{networks.directory} has learned {networks.config.kind.plural}; these photographs show {shown}."
        )
    print(table(score_photos(networks, photos, command, options.masks, options.output)))
    if options.output is not None:
        print(f"wrote {options.output}")
    print(after("score-photos", networks))


def _edit(options: argparse.Namespace) -> None:
    from ganverse_nb.workflow.picture_commands import edit

    sources = {name: getattr(options, name) or options.picture for name in ("camera", "shape", "texture", "background")}
    turn = {name: getattr(options, name) for name in ("azimuth", "elevation", "distance")}
    given = {name: value for name, value in turn.items() if value is not None}
    networks = _networks(options)
    how = {name: getattr(options, name) for name in ("fit", "keep", "keep_background", "turntable")}
    edit(networks, sources, given, options.output, **how)
    written = " and ".join(str(path) for path in (options.output, options.turntable) if path)
    print(f"wrote {written}\n{after('edit', networks, options.output)}")


def _demo(options: argparse.Namespace) -> int:
    from ganverse_nb.workflow.demo import serve_demo

    return serve_demo(open_chosen(options), options.port, options.browser)


def _doctor(options: argparse.Namespace) -> int:
    from ganverse_nb.workflow.doctor import examine

    well = True
    for finding in examine(Path()):
        well &= finding.ok is not False
        print(f"{ {True: 'ok', False: 'BAD', None: '-'}[finding.ok]:4} {finding.name:16} {finding.text}", flush=True)
    asked = any((options.profile, options.category, options.run, options.set))
    return max(0 if well else 1, _check(options) if asked else 0)


def _check(options: argparse.Namespace) -> int:
    from ganverse_nb.workflow.needs import missing, needs, table

    config = chosen(options)
    found = needs(config, meant(options)[-1])
    print(table(found))
    lacking = missing(found)
    if lacking:
        print(f"missing: {', '.join(need.name for need in lacking)}; next: {lacking[0].command}")
    else:
        left = [f"{need.name}, which only {need.only} needs" for need in found if not need.here]
        but = "".join(f", but for {one}" for one in left)
        print(f"all is here{but}\nnext: ganverse reproduce {means(config, meant(options)[-1])}")
    return 1 if lacking else 0


def _new_category(options: argparse.Namespace) -> None:
    from ganverse_nb.workflow.new_category import NETWORK, new_category

    path = options.output or Path(f"{options.name}.toml")
    told = new_category(options.name, options.images, path)
    following = f"--category {shlex.quote(str(path))}" + ("" if options.images else f" {NETWORK}")
    print("\n".join([f"wrote {path}", *told, f"next: ganverse check {following}"]))


def _bundle(options: argparse.Namespace) -> None:
    from ganverse_nb.workflow.bundle import bundle

    path = bundle(run := reopen_run(options.run))
    print(f"wrote {path}\n{after('bundle', run.config.category)}")


def _config(options: argparse.Namespace) -> None:
    config = chosen(options)
    print(json.dumps(as_json(config), indent=1))


def _parser() -> argparse.ArgumentParser:
    return make_parser(lambda name: globals()[f"_{name.replace('-', '_')}"])


if __name__ == "__main__":
    sys.exit(main())
