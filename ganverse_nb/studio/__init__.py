"""The procedural photo studio: pictures that stand in for photographs, with everything about them known."""
