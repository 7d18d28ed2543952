"""What makes a training take less memory: said where it was used up."""

from __future__ import annotations

import re
from operator import attrgetter

from ganverse_nb.config import Config
from ganverse_nb.runtime.errors import ExpectedError

LOWERED = {  # names of the stages that train -> the setting by which a step of theirs takes less
    "gan": "gan.batch",
    "(feature_)?segmenter": "segmenter.batch",
    "pose_regressor": "views.regressor_batch",
    r"inverse_graphics|photo_model|\w+_initialization|recovery_\d+|ablation_\w+_\d+|light_[a-z_]+": "inverse.pairs",
    "stylegan_r": "stylegan_r.batch",
}


def too_little_memory(error: BaseException, stage: str, config: Config) -> ExpectedError | None:
    """The sentence for a training that asked for memory in vain, on a GPU or not; None where no setting would help."""
    for names, setting in LOWERED.items():
        if re.fullmatch(names, stage):
            where = "The GPU's memory" if "CUDA" in str(error) else "The memory"
            now = attrgetter(setting)(config)
            return ExpectedError(
                f"{where} is used up in stage {stage}; close other programs and run the same command again, or begin "
                f"another run of less at once: --set {setting}={max(1, now // 2)} (now {now}) --runs DIRECTORY."
            )
    return None
