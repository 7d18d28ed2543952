"""Figures: what is in a cell is the picture, nothing is cropped, and files say what made them."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence

from ganverse_nb import figures as fig
from ganverse_nb.evaluation.disentanglement import AzimuthSweep, SwapReport
from ganverse_nb.evaluation.scorecard import CameraErrors
from ganverse_nb.evaluation.view_gate import ViewGate
from ganverse_nb.figures.grid import GAP, GROUP_GAP, Frame, degrees, to_pixels, wrapped
from ganverse_nb.figures.style import DPI, text_size
from ganverse_nb.gan.shape_variety import ShapeVariety
from ganverse_nb.gan.viewpoints import ViewCodes
from ganverse_nb.geometry.angles import angle_error, wrap_degrees
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh, uv_sphere
from ganverse_nb.render.shots import orbit_views, plain, save_turntable, textured
from ganverse_nb.studio.categories import CATEGORIES
from ganverse_nb.studio.photos import make_photos
from ganverse_nb.workflow.run import open_run
from tests.figures.figure_checks import cropped, pixels


def plain_picture(color, side=4):
    return torch.tensor(color)[:, None, None].expand(3, side, side)


RED, GREEN, BLUE = plain_picture([1.0, 0, 0]), plain_picture([0, 1.0, 0]), plain_picture([0, 0, 1.0])


def test_every_picture_of_a_grid_is_where_it_belongs_pixel_for_pixel():
    noise = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(0))
    figure = fig.picture_grid([[noise, RED], [None, GREEN]], size=16, row_labels=["a", "b"], column_labels=["x"])
    shown = pixels(figure)
    expected = to_pixels(noise, 16)
    windows = np.lib.stride_tricks.sliding_window_view(shown, (16, 16, 3))[:, :, 0]
    places = np.argwhere((windows == expected).all((-1, -2, -3)))
    assert len(places) == 1
    top, left = places[0]
    below, beside = top + 16 + GAP, left + 16 + GAP
    for color, row in (([255, 0, 0], top), ([0, 255, 0], below)):
        found = np.argwhere((shown == color).all(-1))
        assert len(found) == 16 * 16 and (np.ptp(found, axis=0) == 15).all()
        assert np.abs(found.min(0) - [row, beside]).max() <= 1  # Matplotlib before 3.11 rounds other halves up
    assert (shown[below : below + 16, left : left + 16] == 255).all()


def test_groups_get_more_room_and_frames_their_color():
    figure = fig.picture_grid([[RED, BLUE]], size=60, column_groups=[1], frames=[Frame(0, 1, "#00FF00")])
    shown = pixels(figure).astype(int)
    row = shown[12 + 30]
    reds = np.flatnonzero((row == [255, 0, 0]).all(1))
    blues = np.flatnonzero((row == [0, 0, 255]).all(1))
    assert reds[-1] - reds[0] == 59
    assert 0 <= blues[0] - reds[-1] - GROUP_GAP <= 6  # the frame covers the picture's border
    assert ((shown == [0, 255, 0]).all(-1)).any()


def test_grids_make_room_for_their_words():
    rows = [[RED] * 2, [GREEN] * 2]
    options = {"row_labels": ["a rather long name of a row", "b"], "column_labels": ["two\nlines", "x"]}
    notes = {(0, 0): "45°"}
    assert not cropped(
        fig.picture_grid(rows, size=96, notes=notes, title="a title much longer than the grid", **options)
    )
    assert not cropped(fig.picture_grid(rows, size=96, column_spans={(0, 1): "both"}))


@pytest.mark.parametrize(("rows", "options"), [([], {}), ([[RED]], {"row_labels": ["a", "b"]})])
def test_a_grid_refuses_what_it_cannot_draw(rows, options):
    with pytest.raises(ValueError, match="picture_grid"):
        fig.picture_grid(rows, **options)


def test_pictures_are_enlarged_without_smoothing_where_sizes_allow():
    checker = torch.tensor([[0.0, 1.0], [1.0, 0.0]])[None].expand(3, 2, 2)
    assert set(np.unique(to_pixels(checker, 6))) == {0, 255}
    assert to_pixels(torch.zeros(1, 5, 5), 6).shape == (6, 6, 3)
    assert wrapped([1, 2, 3], 2) == [[1, 2], [3]]
    assert (degrees(359.7), degrees(-90.0)) == ("0°", "270°")


def test_text_is_measured_as_it_is_drawn():
    figure = fig.picture_grid([[RED]], size=64, row_labels=["measured text"])
    pixels(figure)
    (text,) = [t for t in figure.axes[0].texts if t.get_text() == "measured text"]
    drawn = text.get_window_extent(figure.canvas.get_renderer()).width / DPI
    assert text_size("measured text")[0] == pytest.approx(drawn, rel=0.1)


def test_a_plain_shape_is_lit_from_the_camera_and_alone_on_white():
    sphere = uv_sphere()
    mesh = Mesh(0.4 * sphere.vertices, sphere.faces, sphere.face_uvs, torch.rand(1, 3, 4, 8))
    pictures = plain(mesh, Camera.orbit(torch.tensor([0.0, 90.0, 200.0]), 10.0), 32)
    assert torch.allclose(pictures[0], pictures[1], atol=0.05) and torch.allclose(pictures[0], pictures[2], atol=0.05)
    assert (pictures[:, :, 0] == 1).all() and (pictures[:, :, 16, 16] < 0.95).all()
    assert (pictures[:, 0] == pictures[:, 1]).all()
    assert pictures[0, 0, 10, 16] > pictures[0, 0, 22, 16]  # brighter above


@pytest.mark.parametrize("category", CATEGORIES)
def test_figures_of_the_studio_show_every_category(category):
    photos = make_photos(category, 3, seed=1)
    said = {text.get_text() for axes in fig.studio_photos(photos, 64).axes for text in axes.texts}
    assert {photos.types[kind] for kind in photos.objects["type"].tolist()} | {"photograph", "mask"} <= said
    (axes,) = fig.photo_sheet(photos, columns=2, size=64).axes
    assert axes.get_images()[0].get_array().shape[:2] == (2 * 64 + GAP, 2 * 64 + GAP)


def test_textured_shots_go_round_every_mesh():
    sphere = uv_sphere()
    texture = torch.stack([RED, GREEN])[:, :, :1].expand(2, 3, 2, 4)
    mesh = Mesh(0.4 * sphere.vertices.expand(2, -1, -1), sphere.faces, sphere.face_uvs, texture.contiguous())
    repeated, camera = orbit_views(mesh, [0.0, 120.0, 240.0])
    shots = textured(repeated, camera, 16)
    assert camera.azimuth.tolist() == [0.0, 120.0, 240.0] * 2
    assert torch.allclose(shots[:3, :, 8, 8], torch.tensor([1.0, 0, 0]).expand(3, 3))
    assert torch.allclose(shots[3:, :, 8, 8], torch.tensor([0, 1.0, 0]).expand(3, 3))
    assert (shots[:, :, 0, 0] == 1).all()


# ---- saved figures


@pytest.fixture
def run(tmp_path):
    run = open_run("smoke", runs=tmp_path / "runs", figures=tmp_path / "figures")
    run.note("perceptual features", "of the discriminator")
    return run


def test_a_saved_figure_says_what_made_it(run):
    figure = fig.picture_grid([[RED]], size=64)
    saved = fig.save_figure(
        run, "figure_2_views", figure, {"azimuth": torch.tensor([1.5]), "scores": {"iou": float("nan")}}
    )
    assert saved.path == run.pictures / "figure_2_views.png"
    assert saved._repr_png_().startswith(b"\x89PNG")
    with Image.open(saved.path) as picture:
        assert picture.size == tuple(round(v * DPI) for v in figure.get_size_inches())
    written = json.loads(saved.path.with_suffix(".json").read_text())
    assert written["numbers"] == {"azimuth": [1.5], "scores": {"iou": None}}
    assert (written["profile"], written["seed"], written["category"]) == ("smoke", 0, "car")
    assert written["notes"]["perceptual features"] == "of the discriminator"
    assert {"device", "commit", "weights", "command", "substitutions"} <= set(written)
    assert sorted(path.name for path in run.pictures.iterdir()) == ["figure_2_views.json", "figure_2_views.png"]


def test_pictures_of_one_category_leave_anothers_alone(run, tmp_path):
    horse = open_run("smoke", "horse", runs=tmp_path / "runs", figures=run.figures)
    for one in (run, horse):
        fig.save_figure(one, "figure_2_views", fig.picture_grid([[RED]], size=64), {})
    found = sorted(str(path.relative_to(run.figures)) for path in run.figures.rglob("*.png"))
    assert found == ["car-smoke/figure_2_views.png", "horse-smoke/figure_2_views.png"]


def test_the_line_below_tells_the_run_and_stays_out_of_the_figure(run):
    figure = fig.picture_grid([[RED]], size=64)
    before = pixels(figure).copy()
    first = fig.save_figure(run, "one", figure, {}).path.read_bytes()
    assert (pixels(figure) == before).all()
    assert fig.save_figure(run, "one", figure, {}).path.read_bytes() == first
    shown = np.asarray(Image.open(run.pictures / "one.png").convert("RGB"))
    assert (shown != before).any() and (shown != before).any((1, 2)).nonzero()[0].min() > shown.shape[0] - 0.2 * DPI


@pytest.mark.parametrize("name", ["Figure 2", "../figure", "a.b", ""])
def test_names_of_figures_are_plain(run, name):
    with pytest.raises(ValueError, match="a name has small letters"):
        fig.save_figure(run, name, fig.picture_grid([[RED]], size=8), {})


# ---- plots


def some_views(count=18):
    azimuth = torch.arange(count) * (360.0 / count)
    bins, deviation = (azimuth / 30).round().long() % 12, torch.rand(count) * 20
    return ViewCodes(torch.zeros(count, 2), bins, azimuth, deviation, torch.full((count,), 14.0), azimuth < 300, 4)


def some_gate():
    rows = [
        {"split_layer": k, "deviation": 60 / k, "chosen_deviation": 20 / k, "shape_silhouette": 0.2 / k}
        for k in range(1, 7)
    ]
    shape = ShapeVariety(0.2, 0.3, 0.1, 0.1, 12, 200)
    return ViewGate(rows, shape, shape, 2.0)


def some_errors():
    measured = torch.arange(0, 360, 20.0)
    labelled, optimised = (measured / 30).round() * 30, measured + 4 + torch.randn(18)
    return CameraErrors(
        labelled, optimised, measured, angle_error(labelled, measured), angle_error(optimised, measured)
    )


def some_sweeps():
    target = torch.arange(0, 360, 10.0)[:, None].expand(36, 5)
    noise = {"StyleGAN-R": 5.0, "mapping only": 60.0}
    return {n: AzimuthSweep(target, wrap_degrees(target + s * torch.randn(36, 5))) for n, s in noise.items()}


PLOTS = {
    "view_gate": lambda: fig.view_gate(some_gate(), some_views()),
    "cameras": lambda: fig.cameras(some_errors()),
    "azimuth_control": lambda: fig.azimuth_control(some_sweeps()),
    "swap_matrix": lambda: fig.swap_matrix(SwapReport(torch.rand(4, 4), torch.rand(4, 4))),
    "number_table": lambda: fig.number_table(
        ["a", "b long name"],
        [("row", [0.123, float("nan")]), ("all", [1.0, 2.0])],
        formats=[".2f", ".3f"],
        groups={"a group title that is wider than its columns": (0, 1)},
    ),
}


@pytest.mark.parametrize("draw", PLOTS.values(), ids=PLOTS)
def test_plots_are_not_cropped_and_leave_room_for_the_line_below(draw, run):
    torch.manual_seed(0)
    figure = draw()
    assert not cropped(figure)
    shown = pixels(figure)
    assert (shown[-int(0.18 * DPI) :] == 255).all()


def test_controls_go_as_far_as_the_views_have_shown():
    elevation, distance = torch.tensor([4.0, 22.0, 10.0]), torch.tensor([2.0, 2.4, 2.2])
    cameras = Camera.orbit(torch.tensor([0.0, 90.0, 200.0]), elevation, distance)
    ranges = fig.shown_cameras(cameras, SimpleNamespace(notes={}), 3)
    assert ranges["azimuths"] == [-90, 0, 90] and ranges["elevations"] == pytest.approx([4, 13, 22])
    between = 2 / (1 / 2.4 + 1 / 2.0)  # the object grows from left to right, by the same step
    assert ranges["distances"] == pytest.approx([2.4, between, 2.0])
    further = fig.shown_cameras(cameras, SimpleNamespace(notes={"scales": [0.75, 1.25]}), 3)  # asked for in training
    assert further["distances"] == pytest.approx([2.2 / 0.75, 2.2, 2.2 / 1.25])
    nothing_more = fig.shown_cameras(cameras, SimpleNamespace(notes={"scales": [1.0, 1.0]}), 3)  # as in `paper`
    assert nothing_more["distances"] == pytest.approx(ranges["distances"])


def test_azimuth_control_shows_every_point():
    sweeps = some_sweeps()
    scatter = fig.azimuth_control({"mapping only": sweeps["mapping only"]}).axes[0]
    points = scatter.collections[0].get_offsets()
    low, high = scatter.get_ylim()
    assert len(points) == 36 * 5 and low < points[:, 1].min() and points[:, 1].max() < high


def test_the_swap_matrix_shows_what_was_measured():
    report = SwapReport(torch.full((4, 4), 1.0), torch.full((4, 4), 3.0))
    words = [text.get_text() for text in fig.swap_matrix(report).axes[0].texts]
    assert words.count("0.75") == 9 and words.count("3.0°") == 3


def test_a_table_refuses_rows_of_another_length():
    with pytest.raises(ValueError, match="number_table"):
        fig.number_table(["a"], [("row", [1.0, 2.0])], formats=[".2f"])


def test_a_turntable_turns_once_from_the_front(tmp_path):
    sphere = uv_sphere()
    texture = torch.zeros(1, 3, 4, 8)
    texture[:, 0, :, 2:6] = 1  # red front
    texture[:, 2, :, [0, 1, 6, 7]] = 1  # blue rear
    mesh = Mesh(0.4 * sphere.vertices, sphere.faces, sphere.face_uvs, texture)
    save_turntable(mesh, tmp_path / "turn.gif", size=32, views=8, seconds=2.0)
    with Image.open(tmp_path / "turn.gif") as gif:
        assert (gif.format, gif.n_frames, gif.size, gif.info["loop"]) == ("GIF", 8, (32, 32), 0)
        assert gif.info["duration"] == 250
        middle = [frame.convert("RGB").getpixel((16, 16)) for frame in ImageSequence.Iterator(gif)]
    for found, wanted in ((middle[0], (255, 0, 0)), (middle[4], (0, 0, 255))):  # but for the palette
        assert np.abs(np.subtract(found, wanted)).max() < 8
    for target, words in ((tmp_path / "turn.mp4", ".gif file"), (tmp_path / "two.gif", "one mesh, got 2")):
        with pytest.raises(ValueError, match=words):
            save_turntable(mesh[[0, 0]] if "two" in target.name else mesh, target)
        assert not target.exists()


def test_models_are_compared_row_by_row_with_the_same_views():
    sphere = uv_sphere()
    meshes = Mesh(0.4 * sphere.vertices.expand(2, -1, -1), sphere.faces, sphere.face_uvs, torch.rand(2, 3, 8, 16))
    camera = Camera.orbit(torch.zeros(2), 10.0, 2.3)
    images = torch.stack([RED, GREEN])
    predictions = {"photo-model": (meshes, camera), "GAN-model": (meshes, camera)}
    for texture in (True, False):
        figure = fig.model_comparison(images, predictions, texture=texture, size=96)
        shown = pixels(figure)
        assert not cropped(figure)
        for color in ([255, 0, 0], [0, 255, 0]):
            assert (shown == color).all(-1).sum() == 96 * 96  # each input once
    rows = np.flatnonzero((shown == [255, 0, 0]).all(-1).any(1))
    top, below = shown[rows[0] : rows[0] + 96], shown[rows[0] + 96 + GAP : rows[0] + 192 + GAP]
    left = np.flatnonzero((shown == [255, 0, 0]).all(-1).any(0))[-1] + 1
    assert (top[:, left:] == below[:, left:]).all()  # equal predictions make equal rows


def test_an_elevation_that_nobody_knows_is_left_out():
    from ganverse_nb.figures.grid import seen_from

    assert seen_from(-5.2, 12.4) == "355°, 12° up" and seen_from(361.0, float("nan")) == "1°"
