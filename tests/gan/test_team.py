"""Two processes that share a batch learn what one learns."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import torch

from ganverse_nb.gan.team import Team
from ganverse_nb.runtime.checkpoints import load_state

TRAIN = """
import sys, torch
from pathlib import Path
from dataclasses import replace
from ganverse_nb.config import GanConfig
from ganverse_nb.gan.team import Team
from ganverse_nb.gan.trainer import GanTrainer
from ganverse_nb.gan.view_pairs import same_views
torch.set_num_threads(1)
team = Team.from_environment()
config = replace(GanConfig(), resolution=16, channels=(16, 16, 8), batch=16, path_length_interval=2, bfloat16=False)
config = replace(config, pair_weight=1.0)
photos = torch.randint(0, 255, (48, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
partners = same_views(len(photos), 4)
trainer = GanTrainer(photos, config, seed=0, team=team, partners=partners)
for _ in range(3):
    trainer.step()
if team.is_main:
    trainer.save(Path(sys.argv[1]))
"""


def test_two_processes_learn_what_one_learns(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(TRAIN)
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", "--standalone", str(script)]
    subprocess.run([sys.executable, str(script), str(tmp_path / "one")], check=True, timeout=300)
    subprocess.run([*launch, str(tmp_path / "two")], check=True, timeout=300)
    one, two = load_state(tmp_path / "one"), load_state(tmp_path / "two")
    assert one.keys() == two.keys() and torch.equal(one["rng"], two["rng"])
    # Adam's second moment makes single steps of size lr; compare what they sum to
    torch.testing.assert_close(one["networks"]["average"], two["networks"]["average"], rtol=2e-3, atol=2e-3)


def test_shares_keep_the_groups_of_the_minibatch_deviation() -> None:
    batch = torch.arange(32)
    for rank in (0, 1):
        mine = Team(rank, 2).shard(batch)
        groups = mine.view(4, 4)  # samples i, i + 4, i + 8, i + 12 of this process
        assert torch.equal(groups.diff(dim=0), torch.full((3, 4), 8))  # are samples i, i + 8, ... of the batch


def test_one_process_changes_nothing() -> None:
    values = torch.randn(3)
    kept = values.clone()
    Team().average([values])
    assert torch.equal(values, kept) and Team().is_main
