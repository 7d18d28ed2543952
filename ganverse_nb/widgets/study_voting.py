"""The user study in a notebook: two trials, three questions, a click or a key for each answer (appendix F, Fig I)."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets

from ganverse_nb.evaluation.user_study.ballot import Ballot
from ganverse_nb.evaluation.user_study.survey import QUESTIONS
from ganverse_nb.widgets.base import Panel

NO_PREFERENCE, UNDO = "3", "u"
VOTES = {"1": 1, "2": 2, NO_PREFERENCE: 0}  # key -> `Ballot.choose`
NAMES = {"1": "Trial 1", "2": "Trial 2", NO_PREFERENCE: "no preference"}


class StudyVoting(Panel):
    """Shows one comparison after the other and asks for shape, texture and overall.

    In the field below the buttons the keys 1, 2 and 3 vote and u takes the last vote back. Every complete answer is
    saved at once, see `Ballot`; the file counts beside those of the page `survey.html`.

    Args:
        ballot: the state, new or continued.
    """

    def __init__(self, ballot: Ballot) -> None:
        self.ballot = ballot
        self.input = ipywidgets.Image(format="png", layout=ipywidgets.Layout(width="160px", align_self="center"))
        self.trials = [ipywidgets.Image(format="jpeg", layout=ipywidgets.Layout(width="620px")) for _ in range(2)]
        self.question = ipywidgets.HTML()
        self.buttons = {}
        for key, name in NAMES.items():
            button = ipywidgets.Button(description=f"{name} ({key})", layout=ipywidgets.Layout(width="150px"))
            button.on_click(self._clicked(key))
            self.buttons[key] = button
        self.undo = ipywidgets.Button(description="undo (u)", layout=ipywidgets.Layout(width="90px"))
        self.undo.on_click(self._clicked(UNDO))
        self.typed = ipywidgets.Text(placeholder="keys: 1 2 3 u", layout=ipywidgets.Layout(width="120px"))
        self.typed.observe(self._typed, names="value")
        self.progress = ipywidgets.IntProgress(0, 0, len(ballot), layout=ipywidgets.Layout(width="160px"))
        for name in ("input", "question", "undo", "typed", "progress"):
            getattr(self, name).add_class(f"gv-{name}")
        for key, button in self.buttons.items():
            button.add_class(f"gv-vote-{key}")
        column = [x for i, trial in enumerate(self.trials) for x in (ipywidgets.HTML(f"<b>Trial {i + 1}</b>"), trial)]
        left = ipywidgets.VBox([ipywidgets.HTML("<b>Input</b>"), self.input, self.progress])
        votes = ipywidgets.HBox([self.typed, *self.buttons.values(), self.undo])
        shown = ipywidgets.HBox([left, ipywidgets.VBox(column)])
        super().__init__([shown, self.question, votes])
        self.refresh()

    def act(self, key: str) -> None:
        """What a key does; anything else is ignored. An error is shown, kept in `errors` and raised."""
        with self.reporting():
            if key in VOTES:
                self.ballot.choose(VOTES[key])
            elif key == UNDO:
                self.ballot.undo()
            else:
                return
            self.refresh()

    def refresh(self) -> None:
        """Show the current comparison and question, or that all is done."""
        ballot, item = self.ballot, self.ballot.current
        for button in self.buttons.values():
            button.disabled = item is None
        self.progress.value = len(ballot.answers)
        if item is None:
            self.question.value = f"All {len(ballot)} comparisons are answered. Thank you!"
        else:
            self.input.value = ballot.survey.picture(item, "input")
            for trial, name in zip(self.trials, ballot.sides, strict=True):
                trial.value = ballot.survey.picture(item, name)
            question = ballot.question
            assert question is not None
            self.question.value = f"<b>{question.capitalize()}.</b> {escape(QUESTIONS[question])}"
        self.say(f"{len(ballot.answers)} of {len(ballot)} answered, saved in {ballot.path.name}.")

    def _clicked(self, key: str) -> Callable[[Any], None]:
        return lambda _: self.act(key)

    def _typed(self, change: Any) -> None:
        if change["new"]:
            self.typed.value = ""
            for key in change["new"]:
                self.act(key)
