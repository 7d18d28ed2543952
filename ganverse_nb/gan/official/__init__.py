"""Files of other projects, read without running a byte of them.

reader       chooses by content: `read_foreign(path)`
machine      the pickle reader that cannot import or call
numbers, arrays, storages   checked arrays; numpy's and torch's stand-ins
tensorflow, persistent, rosinality   the three layouts and their names
assemble     from arrays to our `Generator` and `Discriminator`
letterbox    whether the pictures carry black bars, as the 512x384 car's do
"""

from ganverse_nb.gan.official.assemble import Foreign, build, config_name
from ganverse_nb.gan.official.errors import ForeignError
from ganverse_nb.gan.official.letterbox import picture_rows
from ganverse_nb.gan.official.reader import is_foreign, read_foreign

__all__ = [
    "Foreign",
    "ForeignError",
    "build",
    "config_name",
    "is_foreign",
    "picture_rows",
    "read_foreign",
]
