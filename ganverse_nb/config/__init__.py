"""Every number that is a choice: the settings of each stage (`sections`), and the profiles (`profiles`)."""

from ganverse_nb.config.profiles import PROFILES, auto_r1_gamma, load_config
from ganverse_nb.config.sections import (
    AblationConfig,
    Config,
    EvaluationConfig,
    GanConfig,
    InitializationConfig,
    InverseGraphicsConfig,
    LightConfig,
    MultiviewConfig,
    PhotoConfig,
    PhotoModelConfig,
    SegmenterConfig,
    StudioConfig,
    StyleGANRConfig,
    ViewConfig,
    WeightsConfig,
    as_json,
)

__all__ = [
    "AblationConfig",
    "Config",
    "EvaluationConfig",
    "GanConfig",
    "InitializationConfig",
    "InverseGraphicsConfig",
    "LightConfig",
    "MultiviewConfig",
    "PROFILES",
    "PhotoConfig",
    "PhotoModelConfig",
    "SegmenterConfig",
    "StudioConfig",
    "StyleGANRConfig",
    "ViewConfig",
    "WeightsConfig",
    "as_json",
    "auto_r1_gamma",
    "load_config",
]
