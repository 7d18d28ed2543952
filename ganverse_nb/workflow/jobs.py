"""Cases that are measured here, one after the other, or by the machines of a cluster: a job for each seed."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from ganverse_nb.runtime.errors import ExpectedError, sentence
from ganverse_nb.runtime.extras import require

T = TypeVar("T")
Case = tuple[int, str]
HERE, EXECUTORS = "here", ("here", "slurm", "local")


def check_executor(executor: str) -> None:
    """Raises an ExpectedError where jobs are asked for and submitit is not installed."""
    if executor != HERE:
        require("cluster", "A sweep of jobs", "submitit")


def in_turn(cases: Sequence[Case], measure: Callable[[int, str], T]) -> Iterator[tuple[Case, T]]:
    """What `measure(seed, name)` returns for every case, one after the other in this process."""
    for number, (seed, name) in enumerate(cases, 1):
        print(f"[{number}/{len(cases)}] {name}, seed {seed}", flush=True)
        yield (seed, name), measure(seed, name)


def in_jobs(
    cases: Sequence[Case], measure: Callable[[int, str], T], executor: str, folder: Path, parameters: Mapping[str, Any]
) -> Iterator[tuple[Case, T]]:
    """What `measure(seed, name)` returns for every case, seed after seed as their jobs end.

    The cases of a seed, which have stages in common, are one job, one case after the other. When this process ends
    before they do, so do they, and what they computed is found the next time.

    Args:
        executor: "slurm" or, for as many processes of this machine, "local".
        folder: where submitit keeps the logs of the jobs, on a disk that all machines see.
        parameters: of submitit's `update_parameters`, as in `{"timeout_min": 600, "slurm_partition": "gpu"}`.

    Raises:
        ExpectedError: submitit is not installed, there is no SLURM, a parameter is unknown, or a job failed.
    """
    check_executor(executor)
    import submitit
    from submitit.core.utils import UncompletedJobError

    try:
        pool = submitit.AutoExecutor(folder=folder, cluster=executor)
        pool.update_parameters(**{"timeout_min": 24 * 60, **parameters})
    except (RuntimeError, ValueError, NameError, TypeError, AssertionError) as error:
        raise ExpectedError(f"No job can be given to {executor}: {' '.join(str(error).split())}") from error
    seeds = list(dict.fromkeys(seed for seed, _ in cases))
    of = {seed: [case for case in cases if case[0] == seed] for seed in seeds}
    jobs = {seed: pool.submit(_all_of, measure, of[seed]) for seed in seeds}
    print(f"{len(jobs)} jobs, one for each seed; their logs are in {folder}", flush=True)
    try:
        for job in submitit.helpers.as_completed(list(jobs.values()), poll_frequency=1):
            (seed,) = (seed for seed, other in jobs.items() if other is job)
            try:
                found = job.result()
            except UncompletedJobError:
                found = "it ended without a result"
            if isinstance(found, str):
                raise ExpectedError(f"The job of seed {seed} failed ({found}); its log is {job.paths.stderr}.")
            print(f"seed {seed} is done", flush=True)
            yield from zip(of[seed], found, strict=True)
    finally:
        for job in jobs.values():
            if not job.done():
                job.cancel()


def _all_of(measure: Callable[[int, str], T], cases: Sequence[Case]) -> list[T] | str:
    """What a job returns: the results, or in a sentence why there are none, with the rest in its log."""
    try:
        return [measure(*case) for case in cases]
    except Exception as error:
        traceback.print_exc()
        return sentence(error).rstrip(".")
