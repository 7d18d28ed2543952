"""DIB-R: rasterization, soft silhouettes, textures and light, differentiable. `ganverse_nb.render(...)` renders a mesh.

This room and the function of the front door share the name `render`: the module can be called, as
`render.renderer.render`, so that `from ganverse_nb import render` gives both, whatever was imported before.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


class _Renders(ModuleType):
    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """See `ganverse_nb.render.renderer.render`."""
        from ganverse_nb.render.renderer import render

        return render(*arguments, **options)


sys.modules[__name__].__class__ = _Renders
