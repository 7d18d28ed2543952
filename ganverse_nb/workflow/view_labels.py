"""The view codes that a person labels in notebook 02: suggested once, kept, and labelled where they are."""

from __future__ import annotations

from pathlib import Path

from ganverse_nb.gan.annotation import ViewAnnotation
from ganverse_nb.gan.suggest import silhouette_descriptor, suggest_view_codes
from ganverse_nb.gan.viewpoints import ViewCodes
from ganverse_nb.runtime.placement import compute_device
from ganverse_nb.runtime.tensors import load_tensors, save_tensors
from ganverse_nb.workflow.inputs import labelled_views
from ganverse_nb.workflow.run import Run, Stage
from ganverse_nb.workflow.stages import segmenter, split_layer, teacher, use_weights

FORMAT, CODES = "ganverse_nb.suggested_codes/1", "codes.safetensors"
CANDIDATES, CONTENTS = 3, 4  # random codes for each that is suggested, and objects that they are looked at with


def view_annotation(run: Run) -> ViewAnnotation:
    """What the labeller of notebook 02 works on, new or continued: as many suggested codes as `views.views`.

    Where as many are labelled already, be it elsewhere, it is those, and nothing is suggested.

    Raises:
        CheckpointError: there are fewer labels, of other codes than those that were suggested here.
    """
    path = labelled_views(run)
    if path.is_file():
        labelled = ViewCodes.load(path)
        if len(labelled) >= run.config.views.views and not labelled.provenance.get("left_out"):
            return ViewAnnotation(labelled.codes, labelled.split_layer, path, labelled.provenance)
    codes, _ = load_tensors(run.finish(suggested_codes_stage(run)) / CODES, FORMAT, "set of codes", "delete its folder")
    return ViewAnnotation(codes["codes"], split_layer(run), path, {"teacher": use_weights(run, "teacher")})


def suggested_codes_stage(run: Run) -> Stage:
    """The stage that looks for view codes in which the outlines of objects are most consistent."""
    count, seed, k = run.config.views.views, run.config.seed, split_layer(run)

    def compute(directory: Path) -> None:
        gan, cut = teacher(run).to(compute_device()), segmenter(run)
        outlines = silhouette_descriptor(lambda pictures: cut.segment(pictures).mask)
        found = suggest_view_codes(gan, count, outlines, k, candidates=CANDIDATES * count, contents=CONTENTS, seed=seed)
        save_tensors(directory / CODES, {"codes": found.codes}, FORMAT)

    weights = [use_weights(run, "teacher"), use_weights(run, "segmenter")]
    return Stage("suggested_codes", compute, [count, seed, k, *weights])
