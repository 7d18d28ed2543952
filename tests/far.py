"""A device without a machine: tensors on it say so, do not mix with the processor's, and are computed all the same.

It stands for a GPU, where there is none: on the outside its tensors are those of torch's device "meta", inside they are
in the processor's memory. What would fail on a GPU, because one tensor was left behind or `numpy()` was asked, fails.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from safetensors import safe_open
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_leaves, tree_map

from ganverse_nb.render import launch
from ganverse_nb.runtime import placement

FAR = torch.device("meta")
MIXES = ("copy_", "_to_copy", "index", "index_put", "index_put_")  # operations that take tensors of two devices


class FarTensor(torch.Tensor):
    """`near`, on the far device."""

    near: torch.Tensor

    @staticmethod
    def __new__(cls, near: torch.Tensor) -> "FarTensor":
        return torch.Tensor._make_wrapper_subclass(
            cls, near.shape, near.stride(), near.storage_offset(), dtype=near.dtype, device=FAR
        )

    def __init__(self, near: torch.Tensor) -> None:
        self.near = near

    def __repr__(self) -> str:  # type: ignore[override]
        return f"FarTensor({self.near})"

    def tolist(self) -> Any:
        return self.near.tolist()

    def __getitem__(self, index: Any) -> torch.Tensor:  # of a list torch makes a tensor where nobody watches
        parts = index if isinstance(index, tuple) else (index,)
        return super().__getitem__(tuple(torch.tensor(part) if isinstance(part, list) else part for part in parts))

    def new_tensor(self, data: Any, **options: Any) -> torch.Tensor:
        return torch.tensor(data, dtype=options.get("dtype", self.dtype)).to(FAR)

    def __deepcopy__(self, memo: dict[int, Any]) -> torch.Tensor:
        copied = FarTensor(self.near.clone()).requires_grad_(self.requires_grad)
        return torch.nn.Parameter(copied, self.requires_grad) if isinstance(self, torch.nn.Parameter) else copied

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _computed(func, args, kwargs or {})


class _Far(TorchDispatchMode):
    """Also sees what makes tensors out of nothing, and what moves them."""

    computed: int = 0  # operations on far tensors
    launched: int = 0  # kernels of the renderer

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.computed += any(isinstance(leaf, FarTensor) for leaf in tree_leaves((args, kwargs)))
        return _computed(func, args, kwargs or {})


def _computed(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
    far = [tensor for tensor in tensors if isinstance(tensor, FarTensor)]
    name = func.overloadpacket.__name__
    assert all(isinstance(t, FarTensor) or t.device != FAR for t in tensors), f"a tensor without content in {name}"
    if far and name not in MIXES and any(t.dim() and not isinstance(t, FarTensor) for t in tensors):
        raise RuntimeError(f"Expected all tensors to be on the same device ({name}).")
    if name.startswith("index") and not isinstance(args[0], FarTensor) and far:
        raise RuntimeError(f"Expected all tensors to be on the same device, indices included ({name}).")
    goes_far = bool(far)
    if kwargs.get("device") is not None:
        goes_far = torch.device(kwargs["device"]).type == FAR.type
        kwargs = kwargs | {"device": torch.device("cpu")}
    if name == "copy_":
        goes_far = isinstance(args[0], FarTensor)
    known = {id(tensor.near): tensor for tensor in far}  # what is changed in place stays the same tensor

    def near(leaf: Any) -> Any:
        return leaf.near if isinstance(leaf, FarTensor) else leaf

    def outside(leaf: Any) -> Any:
        if not isinstance(leaf, torch.Tensor):
            return leaf
        return known[id(leaf)] if id(leaf) in known else FarTensor(leaf)

    made = func(*tree_map(near, args), **tree_map(near, kwargs))
    return tree_map(outside, made) if goes_far else made


class _NearFile:
    """A file of safetensors, which reads past what watches over tensors."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self.file = safe_open(*args, **options)

    def __enter__(self) -> "_NearFile":
        self.file.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.file.__exit__(*error)

    def get_tensor(self, name: str) -> torch.Tensor:
        with _disable_current_modes():
            return self.file.get_tensor(name)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


@contextmanager
def far_device() -> Iterator[_Far]:
    """Meanwhile `compute_device` is the far device, and runs compute there; the mode counts operations."""
    bind, autocast = launch._bind, torch.autocast

    mode = _Far()

    def near_bind(kernel: Any, dim: Any, *args: Any) -> Any:
        mode.launched += any(isinstance(a, FarTensor) for a in args)
        return bind(kernel, dim, *(a.near if isinstance(a, FarTensor) else a for a in args))

    class NearAutocast(autocast):  # type: ignore[misc, valid-type]
        def __init__(self, device_type: str, *args: Any, **options: Any) -> None:
            super().__init__("cpu" if device_type == FAR.type else device_type, *args, **options)

    class NearGenerator(torch.Generator):
        def __new__(cls, device: Any = "cpu") -> "NearGenerator":
            return super().__new__(cls, "cpu" if torch.device(device) == FAR else device)

    with pytest.MonkeyPatch.context() as patch:
        for module in _users_of("compute_device"):
            patch.setattr(module, "compute_device", lambda: str(FAR))
        for module in _users_of("safe_open"):
            patch.setattr(module, "safe_open", _NearFile)
        for made in ("tensor", "as_tensor"):  # which torch makes where nobody watches
            patch.setattr(torch, made, _sent(getattr(torch, made)))
        patch.setattr(placement, "_of_run", [FAR])
        patch.setattr(launch, "_bind", near_bind)
        patch.setattr(torch, "autocast", NearAutocast)
        patch.setattr(torch, "Generator", NearGenerator)
        with mode:
            yield mode


def _sent(make: Any) -> Any:
    def made(data: Any, *args: Any, device: Any = None, **options: Any) -> torch.Tensor:
        if device is None or torch.device(device).type != FAR.type:
            return make(data, *args, **options)
        return make(data, *args, **options).to(FAR)

    return made


def _users_of(name: str) -> list[Any]:
    import sys

    return [
        module for key, module in list(sys.modules.items()) if key.startswith("ganverse_nb") and name in vars(module)
    ]
