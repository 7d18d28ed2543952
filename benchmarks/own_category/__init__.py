"""A category that neither the studio nor the package knows, from photographs to StyleGAN-R, and measured.

    python -m benchmarks.own_category.photograph mugs
    ganverse new-category mug --images mugs
    ganverse train-gan --category mug.toml --mirror --set gan.images=52000
    ganverse reproduce --run runs/mug-mini-seed0
    python -m benchmarks.own_category.measure --run runs/mug-mini-seed0

The settings of the run in `figures/mug` are in its `run.json`; its GAN had DiffAugment for the first 30,000 pictures.
"""
