"""Stable Diffusion XL: text, a size it was trained on, and sampling settings."""

from math import log
from typing import Any

from .scene import Scene


def escape(text: str) -> str:
    """Return text whose parentheses are plain characters to SDXL tools."""
    if "(" in text or ")" in text:
        return text.replace("(", "\\(").replace(")", "\\)")
    return text


def nearest_size(ratio: str, sizes: list[list[int]]) -> list[int]:
    """Return the width and height whose shape is nearest to "W:H"."""
    width, height = map(int, ratio.split(":"))
    wanted = log(width / height)
    return min(sizes, key=lambda size: abs(log(size[0] / size[1]) - wanted))


def build(scene: Scene) -> dict[str, Any]:
    """Return SDXL's settings, in ComfyUI's names for samplers and schedulers."""
    profile = scene.profile("sdxl")
    settings, request = profile.settings, scene.request
    ratio = scene.aspect_ratio(settings["aspect_ratio"])
    width, height = settings["aspects"].get(ratio) or nearest_size(ratio, settings["buckets"])
    cfg = settings["photo_cfg"] if "photo" in scene.conditions else settings["cfg"]
    scene.drawing = {
        "width": width,
        "height": height,
        "steps": request.steps or settings["steps"],
        "cfg": request.cfg or cfg,
        "sampler": request.sampler or settings["sampler"],
        "scheduler": request.scheduler or settings["scheduler"],
        "seed": scene.seed(),
    }
    return {
        "version": profile.version,
        "prompt": escape(scene.prompt),
        "negative_prompt": escape(", ".join(scene.negative)),
        "aspect_ratio": ratio,
        **scene.drawing,
        "checkpoint": settings["checkpoint"],
    }
