"""Counting tokens as CLIP does, with its real byte-pair table."""

from instant_clip_tokenizer import Tokenizer

CHUNK = 75  # tokens CLIP reads at a time, beside its start and end marks
_TOKENIZER = Tokenizer()


def count_tokens(text: str) -> int:
    """Return how many CLIP tokens a text has, without start and end marks."""
    return len(_TOKENIZER.encode(text))
