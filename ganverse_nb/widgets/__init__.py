"""Controls for notebooks: what they show is computed by plain functions of a frozen state."""

from ganverse_nb.runtime.extras import require

require("notebooks", "A widget", "anywidget", "ipywidgets", "plotly", "traitlets", "matplotlib")

from ganverse_nb.widgets.camera_orbit import camera_orbits
from ganverse_nb.widgets.click_labeller import ClickLabeller
from ganverse_nb.widgets.control_panel import ControlPanel, open_panel
from ganverse_nb.widgets.control_scene import ControlState
from ganverse_nb.widgets.fit_view import FitView
from ganverse_nb.widgets.keypoint_labeller import ClickableImage, KeypointLabeller
from ganverse_nb.widgets.layer_panel import LayerPanel, LayerState
from ganverse_nb.widgets.mesh_viewer import mesh_beside_truth, mesh_figure
from ganverse_nb.widgets.photo_upload import PhotoUpload
from ganverse_nb.widgets.study_voting import StudyVoting
from ganverse_nb.widgets.view_labeller import ViewLabeller, sample_pictures

__all__ = [
    "ClickLabeller",
    "ClickableImage",
    "ControlPanel",
    "ControlState",
    "FitView",
    "KeypointLabeller",
    "LayerPanel",
    "LayerState",
    "PhotoUpload",
    "StudyVoting",
    "ViewLabeller",
    "camera_orbits",
    "mesh_beside_truth",
    "mesh_figure",
    "open_panel",
    "sample_pictures",
]
