"""An open reproduction of GANverse3D: image GANs meet differentiable rendering.

    from ganverse_nb import Reconstructor

    result = Reconstructor.from_pretrained("car")("photo.jpg")
    result.save("car.glb")

Names are loaded when they are first used; importing the package loads nothing and changes nothing in the process.

Conventions, decided once and tested by every `test_convention_*`:

* World: right-handed, y up, the object's front faces +z, its centre at the origin, its longest side about 1.
* Angles are degrees. A camera stands at `target + d (cos el sin az, sin el, cos el cos az)`: azimuth 0 sees the front.
* Clip space is OpenGL's. Row 0 of every picture, mask and texture is its top row.
* Pictures are [B, 3, H, W] float32 RGB in [0, 1], masks [B, 1, H, W] in [0, 1].
* Faces are counter-clockwise seen from outside. Texture coordinate v = 0 is the bottom of the texture; u wraps.
"""

__version__ = "0.1.0"

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ganverse_nb.gan.generator import Generator
    from ganverse_nb.geometry.camera import Camera
    from ganverse_nb.geometry.mesh import Mesh
    from ganverse_nb.inverse_graphics.reconstruction import Reconstruction
    from ganverse_nb.inverse_graphics.reconstructor import Reconstructor
    from ganverse_nb.neural_renderer.renderer import Edit, Renderer
    from ganverse_nb.render.renderer import render
    from ganverse_nb.workflow import stages
    from ganverse_nb.workflow.run import open_run

_HOMES = {  # public name -> the module that holds it
    "Camera": "geometry.camera",
    "Edit": "neural_renderer.renderer",
    "Generator": "gan.generator",
    "Mesh": "geometry.mesh",
    "Reconstruction": "inverse_graphics.reconstruction",
    "Reconstructor": "inverse_graphics.reconstructor",
    "Renderer": "neural_renderer.renderer",
    "open_run": "workflow.run",
    "render": "render",
    "stages": "workflow.stages",
}
__all__ = [
    "Camera",
    "Edit",
    "Generator",
    "Mesh",
    "Reconstruction",
    "Reconstructor",
    "Renderer",
    "open_run",
    "render",
    "stages",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = import_module(f"{__name__}.{_HOMES[name]}")
    value = home if _HOMES[name].split(".")[-1] == name else getattr(home, name)  # a room, or something in one
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
