"""Controls for notebooks: what they show is computed by plain functions of a frozen state."""

from ganverse_nb.widgets.mesh_viewer import mesh_figure
from ganverse_nb.widgets.orbit import OrbitDashboard, OrbitState, mesh_renderer
from ganverse_nb.widgets.study_voting import StudyVoting
from ganverse_nb.widgets.view_labeller import ViewLabeller, sample_pictures

__all__ = [
    "OrbitDashboard",
    "OrbitState",
    "StudyVoting",
    "ViewLabeller",
    "mesh_figure",
    "mesh_renderer",
    "sample_pictures",
]
