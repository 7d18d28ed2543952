"""The left wing of a bird, spread or folded against its side."""

from __future__ import annotations

import torch
from torch import Tensor

from ganverse_nb.studio.sampling import Objects
from ganverse_nb.studio.tubes import Tube, loft, smooth

_FEATHERS = 6.5  # of the hand that show in the outline


def wing(b: Objects, ahead: Tensor, above: Tensor, tube: Tube) -> Tensor:
    """[B, V, 3] vertices from shoulder to tip; angle 0 of a section is the trailing edge, 90 the upper side.

    Args:
        b: measures [B, 1] of birds whose body's middle is at the origin.
        ahead, above: [B, 1, 3] axes of the body.
    """
    rings = torch.where(b["spread"][..., None] > 0, _spread(b, ahead, above), _folded(b, ahead, above))
    rings = smooth(rings, tube.rings)
    centres, half_chords, thickness = rings.split(3, -1)
    t = torch.linspace(0, 1, tube.rings)
    gaps = 1 - b["fingers"] * ((t - 0.45) / 0.4).clamp(0, 1) * (0.5 - 0.5 * torch.cos(2 * torch.pi * _FEATHERS * t))
    gaps = torch.where(b["spread"] > 0, gaps, torch.ones_like(gaps))[..., None]
    # Only the trailing edge moves.
    return loft(centres - (1 - gaps) * half_chords, gaps * half_chords, thickness, tube.segments)


def _spread(b: Objects, ahead: Tensor, above: Tensor) -> Tensor:
    """[B, 6, 9] sections (centre, half chord towards the trailing edge, half thickness) of a spread wing."""
    left = torch.tensor([1.0, 0.0, 0.0])
    s = torch.tensor([0.0, 0.22, 0.45, 0.68, 0.88, 1.0])
    chord = torch.tensor([0.95, 1.0, 0.98, 0.85, 0.55, 0.14]) * b["chord"]
    inner, outer = (torch.deg2rad(b[name]) for name in ("dihedral", "tip_dihedral"))
    near, far = s.clamp_max(0.45) * b["span"], (s - 0.45).clamp_min(0) * b["span"]
    across = 0.45 * b["plump"] + near * inner.cos() + far * outer.cos()
    rise = 0.35 * b["plump"] + near * inner.sin() + far * outer.sin()
    lead = 0.30 + 0.16 * near - b["sweep"] * far - 0.25 * (s - 0.8).clamp_min(0)  # the leading edge
    centres = across[..., None] * left + rise[..., None] * above + (lead - chord / 2)[..., None] * ahead
    tilt = torch.where(s < 0.45, inner, outer)[..., None]
    up = tilt.cos() * above - tilt.sin() * left
    thick = (torch.tensor([0.055, 0.05, 0.045, 0.035, 0.025, 0.012]) * torch.ones_like(chord))[..., None]
    return torch.cat([centres, -chord[..., None] / 2 * ahead, thick * up], -1)


def _folded(b: Objects, ahead: Tensor, above: Tensor) -> Tensor:
    """[B, 6, 9] sections of a folded wing: its upper side looks out, its trailing edge lies along the back."""
    left = torch.tensor([1.0, 0.0, 0.0])
    plump, reach = b["plump"], 0.5 * b["tail"] + 0.5
    along = 0.42 - torch.tensor([0.0, 0.2, 0.42, 0.64, 0.84, 1.0]) * (0.42 + reach)
    out = torch.tensor([0.48, 0.76, 0.80, 0.62, 0.34, 0.16]) * plump
    high = torch.tensor([0.05, 0.08, 0.12, 0.18, 0.24, 0.28]) * plump
    half = torch.tensor([0.22, 0.58, 0.66, 0.52, 0.30, 0.08]) * plump
    thick = torch.tensor([0.10, 0.26, 0.26, 0.20, 0.12, 0.05]) * plump
    centres = along[..., None] * ahead + high[..., None] * above + out[..., None] * left
    lean = above - 0.25 * left  # the wing wraps round the back
    return torch.cat([centres, half[..., None] * lean, thick[..., None] * (left + 0.25 * above)], -1)
