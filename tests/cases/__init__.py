"""Case folders: inputs with what is expected of them."""

from pathlib import Path

CASES = Path(__file__).parent
