"""The figure of measured photographs: every asked row with its pictures."""

from types import SimpleNamespace

import torch

from ganverse_nb import figures as fig
from ganverse_nb.evaluation.photo_scores import PhotoSetScores
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh, uv_sphere


def test_measured_photographs_are_shown_with_their_numbers():
    sphere = uv_sphere()
    mesh = Mesh(0.4 * sphere.vertices.expand(3, -1, -1), sphere.faces, sphere.face_uvs, torch.rand(3, 3, 8, 8))
    photos = SimpleNamespace(photos=[SimpleNamespace(azimuth=a) for a in (10.0, 20.0, None, 40.0)])
    pictures, masks = torch.rand(3, 3, 32, 32), torch.zeros(3, 1, 32, 32)
    masks[..., 8:24, 8:24] = 1
    looked = SimpleNamespace(rows=torch.tensor([0, 2, 3]), sight=SimpleNamespace(images=pictures), true_masks=masks)
    cameras = [Camera.orbit(torch.tensor([12.0, 22.0, -5.0]), 10.0, 2.3) for _ in range(2)]
    shares = [torch.tensor([0.5, 0.6, 0.7]), *[torch.tensor([0.8, 0.9, 0.95])] * 2]
    scores = PhotoSetScores(photos, looked, "given", mesh, *cameras, *shares, *[torch.zeros(0)] * 3)
    figure = fig.scored_photos(scores, [2, 1], size=64)
    words = [text.get_text() for axes in figure.axes for text in axes.texts] + [t.get_text() for t in figure.texts]
    assert {"azimuth 40°", "IoU 0.70, 355°", "IoU 0.95, 355°", "IoU 0.60, 22°", "from other sides"} <= set(words)
    assert not any("azimuth 20" in word for word in words)
