"""What the command line does where several processes are started, and the command that computes stages."""

import pytest

from ganverse_nb.workflow import cli, stages
from ganverse_nb.workflow.run import Stage


@pytest.fixture
def light(monkeypatch):
    """Stands in for the multi-view dataset; how often it was made."""
    made = []

    def stage(run):
        return Stage("multiview", lambda directory: made.append((directory / "it").write_text("made")), run.config.seed)

    monkeypatch.setattr(stages, "multiview_stage", stage)
    return made


def test_stages_are_computed_once_for_whoever_needs_them(light, tmp_path, capsys):
    command = ["compute", "multiview", "--profile", "smoke", "--runs", str(tmp_path)]
    for _ in range(2):
        assert cli.main(command) == 0
        told = capsys.readouterr().out.splitlines()
        assert told[-2:] == [
            f"computed: {tmp_path / 'car-smoke-seed0' / 'multiview'}",
            f"next: ganverse reproduce --run {tmp_path / 'car-smoke-seed0'}",
        ]
    assert len(light) == 1


def test_a_stage_of_another_name_is_refused_before_anything_is_computed(light, tmp_path, capsys):
    assert cli.main(["compute", "multiview", "teapot", "--profile", "smoke", "--runs", str(tmp_path)]) == 2
    assert "no stage teapot to compute; the stages are multiview, inverse_graphics, " in capsys.readouterr().err
    assert not light


def test_commands_that_processes_cannot_share_say_so(monkeypatch, capsys):
    monkeypatch.setenv("WORLD_SIZE", "2")
    for command in (["config"], ["reproduce"], ["reconstruct", "photo.jpg"]):
        assert cli.main(command) == 2
        assert "Several processes share train-gan, train-segmenter and compute" in capsys.readouterr().err
