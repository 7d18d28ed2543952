"""Every name of the front door has an example, and the examples are true."""

from __future__ import annotations

import doctest
import inspect
import subprocess
import sys

import numpy as np
import pytest
import torch

import ganverse_nb
from ganverse_nb.data import pictures
from ganverse_nb.geometry.mesh import uv_sphere
from ganverse_nb.render import renderer
from ganverse_nb.studio.photos import make_photos


def public():
    """(name, object) of the front door, and of the public methods that are defined there."""
    for name in ganverse_nb.__all__:
        thing = renderer.render if name == "render" else getattr(ganverse_nb, name)
        yield name, thing
        if inspect.isclass(thing):
            for method, value in vars(thing).items():
                callable_ = inspect.isfunction(value) or isinstance(value, (classmethod, staticmethod))
                if callable_ and (not method.startswith("_") or method == "__call__"):
                    yield f"{name}.{method}", getattr(thing, method)


THINGS = [*public(), ("as_picture", pictures.as_picture)]
EXAMPLES = [(name, thing) for name, thing in THINGS if ">>>" in (inspect.getdoc(thing) or "")]


@pytest.mark.parametrize(("name", "thing"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_the_examples_are_true(name, thing, tmp_path):
    names = {n: getattr(ganverse_nb, n) for n in ganverse_nb.__all__}
    names |= {"folder": tmp_path, "torch": torch, "np": np, "make_photos": make_photos, "uv_sphere": uv_sphere}
    names |= {"as_picture": pictures.as_picture}
    examples = doctest.DocTestParser().get_doctest(inspect.getdoc(thing), names, name, None, None)
    assert examples.examples
    said = []
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(examples, out=said.append)
    assert not said, "".join(said)


def test_every_class_and_function_of_the_front_door_is_told_with_an_example():
    bare = [name for name, thing in public() if not inspect.getdoc(thing)]
    assert not bare
    whole = {}
    for name, thing in public():
        whole.setdefault(name.split(".")[0], []).append(inspect.getdoc(thing))
    assert not [name for name, texts in whole.items() if not any(">>>" in text for text in texts)]


def test_names_are_loaded_when_they_are_used():
    script = "import sys, ganverse_nb; ganverse_nb.Camera; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert "ganverse_nb.geometry.camera" in loaded
    assert not {"warp", "matplotlib", "torchvision", "ganverse_nb.workflow"} & set(loaded)


def test_an_unknown_name_is_refused():
    with pytest.raises(AttributeError, match="no attribute 'Renderers'"):
        ganverse_nb.Renderers  # noqa: B018
    assert set(ganverse_nb.__all__) <= set(dir(ganverse_nb))


def test_rendering_and_its_room_share_a_name():
    """Whatever was imported before: the room can be called, and is still a room."""
    for first in (
        "import ganverse_nb.render.renderer",
        "import ganverse_nb",
        "from ganverse_nb.render import rasterize",
    ):
        script = f"{first}; from ganverse_nb import render; print(callable(render), render.__name__)"
        said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
        assert said.split() == ["True", "ganverse_nb.render"]
