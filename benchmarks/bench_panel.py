"""From a slider's event to the new pictures of the control panel, at the sizes of the mini profile.

Nothing is trained: times do not depend on that. One event is the whole way in Python: the callback, both renderers,
two PNG files in the widgets. What the browser and the connection take comes on top.
"""

from __future__ import annotations

import pytest
import torch

from ganverse_nb.config import load_config
from ganverse_nb.gan.checkpoint import load_generator
from ganverse_nb.gan.viewpoints import ViewCodes
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import uv_sphere
from ganverse_nb.neural_renderer.codes import exact_codes
from ganverse_nb.neural_renderer.mapping import PropertyMapper
from ganverse_nb.neural_renderer.properties import Properties, mask_out
from ganverse_nb.neural_renderer.renderer import StyleGANR
from ganverse_nb.widgets.control_panel import COARSE, FINE, ControlPanel
from ganverse_nb.widgets.control_scene import Scene
from ganverse_nb.widgets.sources import Sources

EVENTS = 200
CAR = torch.tensor([0.2, 0.15, 0.48])  # half its width, height and length


def panel_of_mini(folder) -> ControlPanel:
    """The panel with networks of the sizes that the mini profile has."""
    config = load_config("mini")
    generator, views = load_generator("car"), ViewCodes.load("car")
    random = torch.Generator().manual_seed(0)
    cameras = Camera.orbit(views.azimuth, views.elevation, 2.1)
    shape = uv_sphere().vertices * CAR
    texture = torch.rand(1, 3, *config.inverse.texture_size, generator=random)
    shapes = shape * (1 + 0.1 * torch.rand(24, 1, 3, generator=random))
    contents = generator.mapping(torch.randn(len(shapes), generator.z_dim, generator=random))
    codes = exact_codes(generator, views.codes, contents, views.split_layer)
    mapping = PropertyMapper.fit(
        codes.view,
        cameras,
        codes.content,
        shapes,
        texture=config.inverse.texture_size,
        resolution=generator.resolution,
        on_orbit=views.on_orbit,
        view_share=config.stylegan_r.view_share,
        hidden=config.stylegan_r.hidden,
    )
    model = StyleGANR(generator, mapping.requires_grad_(False))
    picture = torch.rand(1, 3, generator.resolution, generator.resolution, generator=random)
    mask = torch.zeros_like(picture[:, :1])
    mask[..., 20:44, 8:56] = 1
    seen = Properties(cameras[0], shape, texture, mask_out(picture, mask))
    sources = Sources(lambda picture, name: seen, {"picture": picture}, generator)
    return ControlPanel(Scene(sources, cameras, model), folder, later=lambda seconds, action: lambda: None)


@pytest.mark.parametrize("who", ["while it moves", "when it rests"])
def test_slider_to_picture(benchmark, who, device, tmp_path):
    if device != "cpu":
        pytest.skip("the panel renders on the CPU")
    panel = panel_of_mini(tmp_path)
    slider, size = panel.controls["azimuth_deg"], COARSE if who == "while it moves" else FINE

    def event():
        slider.value = (slider.value + 181) % 361 - 180
        if size == FINE:
            panel.show(panel.state)

    benchmark.group = "slider to picture"
    benchmark.pedantic(event, rounds=EVENTS, warmup_rounds=10)
    times = sorted(benchmark.stats.stats.data)
    benchmark.extra_info |= {"kind": "slider to picture", "who": who, "batch": 1, "resolution": size, "faces": 1280}
    benchmark.extra_info["p95_ms"] = 1e3 * times[int(0.95 * len(times))]
