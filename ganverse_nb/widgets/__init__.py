"""Controls for notebooks: what they show is computed by plain functions of a frozen state."""

from ganverse_nb.widgets.mesh_viewer import mesh_figure
from ganverse_nb.widgets.orbit import OrbitDashboard, OrbitState, mesh_renderer

__all__ = ["OrbitDashboard", "OrbitState", "mesh_figure", "mesh_renderer"]
