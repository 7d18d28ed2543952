"""Pictures with what is known about them: the multi-view dataset that a GAN gives (section 3.1)."""
