# %% [markdown]
# # Which reconstruction do people prefer?
#
# The paper asked raters on Amazon Mechanical Turk: a picture, two 3D guesses of what it shows, each from six sides as
# bare shape and with texture, and three questions (appendix F, figure I). 203 to 220 pictures, three raters each:
# 57.5 % preferred the GAN-trained network overall, 25.9 % the photo-trained one, 16.6 % neither (Tables 1c and B).
#
# ![A photograph, two reconstructions from six sides, three questions](../figures/car/figure_i_interface.png)
#
# *What a rater sees.*
#
# You will
# * make the survey as one HTML file that you can send to people,
# * vote yourself in this notebook,
# * see what an automatic rater says, which knows the true shapes: it is no person, and no table here pretends it is,
# * get percentages with intervals, agreement, and tests, from it and from the people whose answers came back.

# %% tags=["parameters"]
profile = "mini"
category = "car"
seed = 0
runs = "../runs"
figures = "../figures"
settings = {}

# %%
from ganverse_nb.workflow.run import open_run  # not found? `make lab` opens notebooks with the right Python

run = open_run(profile, category, seed, runs, figures, settings)

from ganverse_nb import figures as fig
from ganverse_nb.workflow import stages, experiments
from ganverse_nb.workflow.user_study import open_study

# %% [markdown]
# ## The pictures
#
# Photographs that no network has seen.

# %% tags=["studio"]
from ganverse_nb.evaluation.scorecard import clear_photos

photos, masks = clear_photos(stages.segmenter(run), stages.first_test_photos(run, 64), 26)
fig.save_figure(run, "study_photos", fig.photo_sheet(photos, columns=9), {"photos": len(photos)})

# %% [markdown]
# ## Two systems
#
# The networks are the same, their teachers differ: one learned from the GAN's multi-view pictures, the other from
# single photographs with annotated cameras (notebook 05).

# %% tags=["studio"]
from ganverse_nb.inverse_graphics.inference import reconstruct

models = {"GAN-trained": stages.inverse_graphics(run), "photo-trained": experiments.photo_model(run)}
meshes = {name: reconstruct(photos.image(), masks, model)[0] for name, model in models.items()}
survey = open_study(run, photos, meshes, needs=["inverse_graphics", "photo_model"])
fig.save_figure(run, "figure_i_interface", fig.study_interface(survey), {"survey": survey.id})

# %% [markdown]
# ## For raters
#
# This file is all that a rater needs: it opens in any browser, without a network, keeps its answers when it is closed,
# and at the end gives a file to send back. Every rater gets the comparisons in another order and with the sides
# exchanged at random; neither the page nor the answers say which side is which system. Two of the comparisons are
# attention checks: one of their results is a grey ball.

# %% tags=["studio"]
votes_folder = run.directory / "votes" / survey.id
print(f"Send to raters:        {survey.page.resolve()}")
print(f"Put their files into:  {votes_folder.resolve()}")

# %% [markdown]
# ## Vote here
#
# The same comparisons, one after the other. Every answer is saved at once, and counts when this notebook is run again
# with your votes in place. Keys in the field: 1, 2, 3, and u to undo.

# %% tags=["studio"]
from ganverse_nb.evaluation.user_study.ballot import Ballot
from ganverse_nb.widgets import StudyVoting

voting = StudyVoting(Ballot(survey, votes_folder / "notebook.json", rater="notebook"))
voting

# %% [markdown]
# ## The automatic rater
#
# It looks at the true object and at both results from five sides that the photograph does not show, and prefers what
# is nearer: in shape by silhouette and normals, in texture by colours; differences below 5 % are no preference. It
# stands at three different places, as if three had voted. This tests the study; it says nothing about people.

# %% tags=["studio"]
from ganverse_nb.evaluation.user_study.analysis import analyse
from ganverse_nb.evaluation.user_study.answers import read_answers

automatic = read_answers(survey.directory / "automatic", survey, automatic=True)
measured = analyse(automatic, seed)
fig.save_figure(run, "table_1c_automatic", fig.preference_table(automatic, measured), measured)

# %% [markdown]
# How far the three standpoints agree (in the paper 87 to 89 % of the pictures had two raters of one opinion, which is
# what chance gives with these preferences: Fleiss' kappa of the paper's counts is 0.05 to 0.07), on how many pictures
# either system won, and whether the side a result was shown on decided.

# %% tags=["studio"]
fig.save_figure(run, "table_b_automatic", fig.agreement_table(automatic, measured), measured)

# %% [markdown]
# ## People
#
# The same from files of people, where there are any. A file that was edited, came twice or belongs to another survey
# is refused, with a sentence that names it.

# %% tags=["studio"]
people = read_answers(votes_folder, survey)
said = analyse(people, seed) if len(people) else {}
print(f"Votes of {len(people.raters)} people; left out for missing an attention check: {len(people.left_out)}.")

# %% tags=["studio"]
if said:
    fig.save_figure(run, "table_1c_people", fig.preference_table(people, said), said)
    fig.save_figure(run, "table_b_people", fig.agreement_table(people, said), said)

# %% [markdown]
# ## Record

# %% tags=["studio"]
from ganverse_nb.evaluation import records

run.record_all(records.user_study(measured, said))

# %% [markdown]
# ## See also
#
# * 04: how the GAN-trained network was made
# * 05: the photo-trained one, and both in numbers
