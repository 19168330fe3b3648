"""The pipeline components of copydesk; importing this registers their factories with spaCy, and that is all it does.

These files travel inside every packaged model: they import nothing of ours but one another.
"""

from . import arguments as arguments
from . import attributes as attributes
from . import encoder as encoder
from . import entities as entities
from . import stance as stance
from . import transformer as transformer
from . import triggers as triggers
