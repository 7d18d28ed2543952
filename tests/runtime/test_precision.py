"""bfloat16 only where it is wanted and the processor has it."""

from __future__ import annotations

import pytest
import torch

from ganverse_nb.runtime import precision

CAPABILITIES = {
    "avx512_bf16": {"avx2": True, "avx512_bf16": True},
    "amx": {"amx_bf16": True, "avx512_bf16": False},
    "avx512 alone": {"avx512_f": True, "avx512_bf16": False, "amx_bf16": False},
    "amx of that time": {"avx512_bf16": True, "avx512_fp16": True, "amx_bf16": True},
    "amx hidden": {"avx512_bf16": True, "avx512_fp16": True, "amx_bf16": False},
    "none": {},
}


@pytest.mark.parametrize("older", [False, True])
@pytest.mark.parametrize("name", CAPABILITIES)
def test_a_processor_without_bfloat16_computes_in_float32(name, older, monkeypatch, tmp_path):
    there = CAPABILITIES[name]
    if older:  # a torch that does not tell
        monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
        monkeypatch.setattr(precision, "PROCESSOR", tmp_path / "cpuinfo")
        flags = " ".join(flag for flag, on in there.items() if on)
        (tmp_path / "cpuinfo").write_text(f"processor\t: 0\nflags\t\t: fpu {flags}\n")
    else:
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: there, raising=False)
    precision._processor_has_bfloat16.cache_clear()
    try:
        expected = torch.bfloat16 if name in ("avx512_bf16", "amx", "amx of that time") else torch.float32
        assert precision.convolution_dtype(True) == expected
        assert precision.convolution_dtype(False) == torch.float32
        for wanted in (True, False):
            with precision.bfloat16(wanted):
                product = torch.ones(2, 2) @ torch.ones(2, 2)
            assert product.dtype == (expected if wanted else torch.float32)
        assert precision.convolution_dtype(True, "cuda") == torch.bfloat16
    finally:
        precision._processor_has_bfloat16.cache_clear()
