"""A category is data: the registry, files of users', and no name of a category that decides anything elsewhere."""

import ast
from pathlib import Path

import pytest

import ganverse_nb
from ganverse_nb.categories import CATEGORIES, Category, find_category, own_category, paper_facts
from ganverse_nb.config import as_json, load_config
from ganverse_nb.runtime.errors import SettingError

PACKAGE = Path(ganverse_nb.__file__).parent
# What others call their data: NVIDIA's files of networks, and the objects that public sets of photographs show.
OF_OTHERS = ("gan/fetch.py", "data/photo_sets")


def write(path, text):
    path.write_text(text)
    return path


def test_a_file_of_ones_own_is_read(tmp_path):
    path = write(
        tmp_path / "mug.toml",
        'name = "mug"\ncoco = "cup"\ntemplate = [0.3, 0.3, 0.4]\nsymmetry = "none"\nimages = "photos"\nviews = 12\n',
    )
    mug = find_category(str(path))
    assert mug == find_category(path) and mug.is_own and mug.objects == "mugs"
    assert (mug.coco, mug.template, mug.symmetry, mug.views) == ("cup", (0.3, 0.3, 0.4), "none", 12)
    assert mug.images == str(tmp_path / "photos") and mug.source == str(path)
    assert find_category(as_json(load_config("mini", mug))["own"]) == mug  # as a run's config.json keeps it
    fitted = find_category(write(tmp_path / "box.toml", 'name = "box"\nplural = "boxes"\ntemplate = "fitted"\n'))
    assert fitted.template is None and fitted.objects == "boxes"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('name = "mug"\ncolour = 3\n', "unknown key 'colour'; a category has name, plural, coco, template"),
        ('name = "mug"\ncolour = 3\nsize = 2\n', "unknown keys 'colour', 'size'; a category has name"),
        ('name = "mug"\npatience = 3\n', "unknown key 'patience'"),
        ('plural = "mugs"\n', "has no name"),
        ("name = mug\n", "cannot be read as TOML"),
        ('name = "Mug"\n', "small letters, digits and underscores, got 'Mug'"),
        ('name = "car"\n', "'car' is a category of the studio.*my_car"),
        ('name = "mug"\ntemplate = [1, 2]\n', "three half axes"),
        ('name = "mug"\ntemplate = "sphere"\n', "fitted"),
        ('name = "mug"\nsymmetry = "round"\n', "symmetry is one of left-right, none"),
        ('name = "mug"\npose = 3\n', "pose is one of upright, free"),
        ('name = "mug"\nmasks = [0.9, 0.1]\n', "smallest and the largest share"),
        ('name = "mug"\ntruncation = 2\n', "at most 1, got 2"),
        ('name = "mug"\nviews = 2.5\n', "whole number from 4"),
        ('name = "mug"\ncoco = ["cup"]\n', "coco is text"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence(tmp_path, text, words):
    with pytest.raises(SettingError, match=words) as caught:
        find_category(write(tmp_path / "mug.toml", text))
    assert "\n" not in str(caught.value) and str(tmp_path / "mug.toml") in str(caught.value)


def test_what_is_unknown_is_said_with_the_next_step(tmp_path):
    with pytest.raises(SettingError, match=r"Unknown category 'mug'.*car, horse, bird.*new-category mug --images"):
        find_category("mug")
    with pytest.raises(SettingError, match="named by its file"):
        find_category("../mug")
    with pytest.raises(SettingError, match="There is no file .*nowhere.toml"):
        find_category(tmp_path / "nowhere.toml")
    with pytest.raises(SettingError, match="studio"):
        own_category("car")


def test_the_papers_facts_are_those_of_its_three_categories():
    assert paper_facts("views") == {"car": 39, "horse": 22, "bird": 8}
    assert paper_facts("kept") == {"car": 55429, "horse": 16392, "bird": 7948}
    assert find_category("bird") is CATEGORIES["bird"] and not find_category("bird").is_own
    assert Category("a").objects == "as"


def test_no_name_of_a_category_decides_anything_elsewhere():
    """In any literal of the library but documentation and the defaults that a signature shows."""
    wrong = []
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if name == "categories.py" or name.startswith(("studio/", *OF_OTHERS)):
            continue
        tree = ast.parse(path.read_text())
        shown = {
            id(default)
            for node in ast.walk(tree)
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            for default in [*node.args.defaults, *node.args.kw_defaults]
        }
        names = {*CATEGORIES, *(category.objects for category in CATEGORIES.values())}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and node.value in names and id(node) not in shown:
                wrong.append(f"{name}:{node.lineno}: {node.value!r}")
    assert not wrong, "\n" + "\n".join(wrong)
