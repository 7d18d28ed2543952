"""From a picture to a textured mesh and a camera (section 3.2)."""
