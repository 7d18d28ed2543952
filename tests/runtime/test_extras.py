"""Without any extra the package renders, reconstructs and edits; what needs one says which, in one sentence."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ganverse_nb.runtime.errors import ExpectedError
from ganverse_nb.runtime.extras import EXTRAS, missing_extra, require

WITHOUT_EXTRAS = f"""
import sys

class Without:
    # does not find the packages of extras: they can neither be imported nor looked for

    def __init__(self, finder):
        self.finder = finder

    def __getattr__(self, name):
        return getattr(self.finder, name)

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {sorted({module for modules in EXTRAS.values() for module in modules})}:
            return None
        return self.finder.find_spec(name, path, target)

sys.meta_path[:] = map(Without, sys.meta_path)
"""
CALL = "from ganverse_nb.workflow import cli; sys.exit(cli.main())"
NEED_NOTEBOOKS = [
    "figures",
    "widgets",
    "workflow.demo",
    "workflow.notebook_engine",
    "workflow.notebooks",
    "workflow.reproduce",
    "workflow.schedule",
    "workflow.sweep",
    "workflow.user_study",
]


def run(script, *arguments):
    command = [sys.executable, "-c", WITHOUT_EXTRAS + script, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=850)


def test_every_module_of_the_base_can_be_imported():
    done = run(f"""
import pkgutil, importlib, ganverse_nb
unimportable = []
for module in pkgutil.walk_packages(ganverse_nb.__path__, "ganverse_nb.", onerror=lambda name: None):
    try:
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    except (ModuleNotFoundError, RuntimeError) as error:
        unimportable.append(module.name.removeprefix("ganverse_nb."))
assert sorted(unimportable) == sorted({NEED_NOTEBOOKS}), unimportable
""")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (["reproduce", "--profile", "smoke"], "notebooks"),
        (["sweep", "--profile", "smoke"], "notebooks"),
        (["train-gan", "--profile", "smoke"], "train"),
        (["measure-gan"], "eval"),
        (["score-meshes", "."], "eval"),
    ],
)
def test_a_command_without_its_extra_is_one_sentence(arguments, extra, tmp_path):
    done = run(f"import os; os.chdir(sys.argv.pop(1)); {CALL}", tmp_path, *arguments)
    assert done.returncode == 2 and not done.stdout and not list(tmp_path.iterdir())
    assert done.stderr.startswith("ganverse: ") and done.stderr.count("\n") == 1
    assert f"pip install 'ganverse_nb[{extra}]'" in done.stderr


def test_a_segmenter_without_its_extra_is_one_sentence(tmp_path):
    command = ["reconstruct", "photo.jpg", "--segmenter", "rembg", "--profile", "smoke"]
    done = run(f"import os; os.chdir(sys.argv.pop(1)); {CALL}", tmp_path, *command)
    assert done.returncode == 2 and done.stderr.startswith("ganverse: ") and done.stderr.count("\n") == 1
    assert "needs rembg, onnxruntime, which come with pip install 'ganverse_nb[photos]'" in done.stderr


def test_help_and_doctor_work_without_extras():
    assert "reconstruct" in run(CALL, "--help").stdout
    done = run(CALL, "doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(f"pip install 'ganverse_nb[{extra}]'" in done.stdout for extra in EXTRAS)


def test_the_base_renders_reconstructs_and_edits_a_picture(tmp_path):
    """With all the networks that come with the package: the three lines of the README, and the two commands."""
    done = run(
        """
import os
from ganverse_nb import Camera, Generator, Mesh, Reconstructor, render
from ganverse_nb.data.pictures import write_picture
from ganverse_nb.studio.photos import make_photos
from ganverse_nb.workflow import cli

os.chdir(sys.argv[1])
write_picture(make_photos("car", 1, 3, 128).image()[0], "photo.png")
Reconstructor.from_pretrained("car")("photo.png").save("lines.glb")
assert 0.1 < render(Mesh.load("lines.glb"), Camera.orbit(90.0, distance=2.3), 32).mask.mean() < 0.9
assert Generator.from_pretrained("car").sample(0).shape == (1, 3, 64, 64)
assert cli.main(["reconstruct", "photo.png", "--out", "car.glb", "--turntable", "car.gif"]) == 0
assert cli.main(["edit", "photo.png", "--fit", "--azimuth", "100", "--output", "edited.png"]) == 0
""",
        tmp_path,
    )
    assert done.returncode == 0, done.stderr
    found = {path.name for path in tmp_path.iterdir()}
    assert found == {"photo.png", "lines.glb", "car.glb", "car.gif", "edited.png"}  # and no directory of a run


def test_a_missing_package_is_named_with_its_extra():
    require("train", "Something", "json")
    with pytest.raises(ExpectedError) as caught:
        require("eval", "FID", "json", "no_such_package")
    assert str(caught.value) == "FID needs no_such_package, which comes with pip install 'ganverse_nb[eval]'."
    error = missing_extra(ModuleNotFoundError("No module named 'papermill.engines'", name="papermill.engines"))
    assert str(error) == "This needs papermill, which comes with pip install 'ganverse_nb[notebooks]'."
    assert missing_extra(ModuleNotFoundError("No module named 'numpi'", name="numpi")) is None
