"""A category that neither the studio nor the package knows, from photographs to StyleGAN-R, and measured."""
