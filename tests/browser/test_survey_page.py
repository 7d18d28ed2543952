"""The survey of the user study in a browser, opened as a file: answered, closed, continued, downloaded, and read."""

from __future__ import annotations

import pytest
import torch

from ganverse_nb.evaluation.user_study.answers import AnswersError, read_answers
from ganverse_nb.evaluation.user_study.survey import write_survey
from ganverse_nb.figures import comparisons, with_balls
from ganverse_nb.geometry.mesh import Mesh, uv_sphere
from ganverse_nb.studio.photos import make_photos

pytestmark = pytest.mark.browser
QUESTIONS = ("shape", "texture", "overall")


@pytest.fixture
def survey(tmp_path):
    """Three cars, each beside two ellipsoids in two colours; the last one an attention check."""
    sphere, photos = uv_sphere(), make_photos("car", 3, seed=4)
    vertices = (sphere.vertices * torch.tensor([0.2, 0.16, 0.5])).expand(3, -1, -1)
    texture = torch.rand(2, 3, 3, 4, 8, generator=torch.Generator().manual_seed(0))
    first, second = (Mesh(vertices * s, sphere.faces, sphere.face_uvs, t) for s, t in zip((1.0, 0.7), texture))
    return write_survey(tmp_path / "study", comparisons(photos, first, with_balls(second, 1), 1), ("GAN", "photo"))


def begin(page, survey, name="Ann Ä"):
    page.goto(survey.page.as_uri())
    page.fill("#name", name)
    page.click("text=Start")


def shown(page, survey):
    """The item on the page and what its Trial 1 and Trial 2 are, found by their pictures."""
    names = {}
    for item in survey.items:
        for name in ("input", "a", "b"):
            names.setdefault(data_url(survey.picture(item.id, name)), (item, name))
    found = [names[page.get_attribute(f"#{place}", "src")] for place in ("input", "first", "second")]
    assert len({item.id for item, _ in found}) == 1 and found[0][1] == "input"
    return found[0][0], found[1][1] + found[2][1]


def data_url(content):
    import base64

    kind = "png" if content.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def download(page, folder):
    with page.expect_download() as caught:
        page.click("#download")
    path = folder / caught.value.suggested_filename
    caught.value.save_as(path)
    return path


def test_answers_by_keys_and_mouse_are_read_as_they_were_meant(new_page, shoot, survey, tmp_path):
    """Shape: the first system. Texture: Trial 1, whichever that is. Overall: the first system in the attention
    check, else no preference."""
    page = new_page(1280, 900)
    page.goto(survey.page.as_uri())
    shoot(page, "survey_welcome")
    begin(page, survey)
    trial_one = {}
    for number in range(3):
        assert page.inner_text("#count") == f"{number + 1} / 3"
        assert page.evaluate("[...document.querySelectorAll('#ask img')].every(i => i.complete && i.naturalWidth > 0)")
        item, order = shown(page, survey)
        trial_one[item.comparison] = item.systems["ab".index(order[0])]
        assert page.is_disabled("#next")
        page.keyboard.press("Enter")  # too early: nothing happens
        good = str(order.index(item.name(0)) + 1)
        if number == 0:
            page.locator("#question-shape input").nth(int(good) - 1).click()
            page.locator("#question-texture >> text=Trial 1").click()
            shoot(page, "survey_page", full_page=True)
        else:
            page.keyboard.press(good)
            page.keyboard.press("1")
        page.keyboard.press(good if item.check else "3")
        assert page.is_enabled("#next")
        page.keyboard.press("Enter") if number else page.click("#next")
    assert page.is_visible("#done") and not page.is_visible("#ask")
    path = download(page, tmp_path)
    assert path.name.startswith(f"answers-{survey.id}-Ann_-")  # its name is plain, what is in it is not
    votes = read_answers([path], survey)
    assert votes.left_out == () and votes.raters[0].startswith("Ann_Ä-") and not votes.automatic
    assert votes.counts("shape").tolist() == [[1, 0, 0]] * 2 and votes.counts("overall").tolist() == [[0, 0, 1]] * 2
    compared = {int(item.id): item.comparison for item in survey.items}
    for item, choice, first in zip(votes.item.tolist(), votes.choice[:, 1].tolist(), votes.first_shown.tolist()):
        assert choice == first == trial_one[compared[item]]
    path.write_text(path.read_text().replace('"none"', '"a"'))
    with pytest.raises(AnswersError, match="was edited"):
        read_answers([path], survey)


def test_a_closed_page_goes_on_where_it_stopped(new_page, survey):
    page = new_page()
    begin(page, survey)
    page.keyboard.type("111")
    page.keyboard.press("Enter")
    page.keyboard.type("2")
    item, order = shown(page, survey)
    again = page.context.new_page()
    page.close()
    again.goto(survey.page.as_uri())
    assert again.inner_text("#count") == "2 / 3" and shown(again, survey) == (item, order)
    assert again.locator("#question-shape input").nth(1).is_checked()
    assert again.locator("#ask :checked").count() == 1


def test_backspace_takes_back_across_pages(new_page, survey):
    page = new_page()
    begin(page, survey)
    page.keyboard.type("123")
    page.keyboard.press("Enter")
    page.keyboard.press("Backspace")
    assert page.inner_text("#count") == "1 / 3" and page.locator("#ask :checked").count() == 3
    page.keyboard.press("Backspace")
    checked = [page.locator(f"#question-{question} :checked").count() for question in QUESTIONS]
    assert checked == [1, 1, 0] and page.is_disabled("#next")


def test_raters_get_orders_of_their_own_and_nothing_is_asked_of_the_network(new_page, survey):
    orders, asked = set(), []
    for chance in range(6):  # what the browser draws decides, here in our hands
        page = new_page()
        page.add_init_script(f"Math.random = () => {(chance + 0.5) / 6}")
        page.on("request", lambda request: asked.append(request.url))
        begin(page, survey)
        item, order = shown(page, survey)
        orders.add((item.id, order))
        page.close()
    first, sides = ({each[i] for each in orders} for i in (0, 1))
    assert first == {"001", "002", "003"} and sides == {"ab", "ba"}
    assert len(asked) >= 6 and all(url.startswith(("file://", "data:")) for url in asked)


def test_start_anew_forgets_the_last_rater(new_page, survey):
    page = new_page()
    begin(page, survey)
    for _ in range(3):
        page.keyboard.type("111")
        page.keyboard.press("Enter")
    page.on("dialog", lambda dialog: dialog.accept())
    page.click("#again")
    page.wait_for_selector("#name", state="visible")
    page.reload()
    assert page.is_visible("#welcome")


def test_it_fits_a_narrow_window(new_page, shoot, survey):
    page = new_page(480, 900)
    begin(page, survey)
    assert page.evaluate("document.documentElement.scrollWidth") <= 480
    shoot(page, "survey_narrow", full_page=True)
