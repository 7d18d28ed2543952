"""`--device cuda` times everything on the GPU; without it, on the CPU."""

import pytest


def pytest_addoption(parser):
    parser.addoption("--device", default="cpu", help="cpu or cuda: where the benchmarks run")


@pytest.fixture
def device(request):
    chosen = request.config.getoption("--device")
    if chosen.startswith("cuda"):
        import torch

        if not torch.cuda.is_available():
            pytest.exit("--device cuda: there is no CUDA device here.", returncode=2)
    return chosen


def pytest_benchmark_update_machine_info(config, machine_info):
    import torch

    from ganverse_nb.workflow.provenance import environment

    machine_info["environment"] = environment() | {"torch_threads": torch.get_num_threads()}
