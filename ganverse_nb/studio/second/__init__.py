"""The studio's second edition: many more kinds of objects, places, light, lenses and camera faults."""
