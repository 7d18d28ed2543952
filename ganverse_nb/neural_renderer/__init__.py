"""Section 3.3: StyleGAN disentangled by inverse graphics, and used as a renderer (StyleGAN-R)."""
