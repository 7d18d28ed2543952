"""An open reproduction of GANverse3D: image GANs meet differentiable rendering.

Conventions, decided once and tested by every `test_convention_*`:

* World: right-handed, y up, the object's front faces +z, its centre at the origin, its longest side about 1.
* Angles are degrees. A camera stands at `target + d (cos el sin az, sin el, cos el cos az)`: azimuth 0 sees the front.
* Clip space is OpenGL's. Row 0 of every picture, mask and texture is its top row.
* Pictures are [B, 3, H, W] float32 RGB in [0, 1], masks [B, 1, H, W] in [0, 1].
* Faces are counter-clockwise seen from outside. Texture coordinate v = 0 is the bottom of the texture; u wraps.
"""

__version__ = "0.1.0"
