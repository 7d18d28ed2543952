"""The differentiable renderer: z-buffer, soft silhouette, textures, light. `renderer.render` is the way in."""
