"""Platforms: one configuration for every picture and video tool, from profiles kept as data.

Settings of a profile, by platform (`profiles` checks them):
sdxl        checkpoint, buckets [[w, h]], aspects {"16:9": [w, h]}, aspect_ratio (the default),
            steps, cfg, photo_cfg, sampler, scheduler, samplers [], schedulers [].
comfyui     checkpoint, filename_prefix, batch_size, denoise.
midjourney  aspect_ratio, flags {name: {kind: int|float|choice|switch|text|ratio, min, max, values,
            default}}, raw (how a raw look is written), translate {flag: flag}, version_flag,
            weights, max_chars.
pika        form (bot or api), aspect_ratio, max_chars; bot: motion, gs, fps (ranges), camera
            {kind: [directions]}; api: resolution(s), duration(s), min_ratio, max_ratio.
runway      model, form (camera-first or motion), ratios, aspect_ratio, duration, max_utf16,
            text_to_video, needs_image.
"""

from collections.abc import Callable
from typing import Any

from . import comfyui, midjourney, pika, runway, sdxl
from .scene import Scene

Builder = Callable[[Scene], dict[str, Any]]
# ComfyUI draws with the settings SDXL chose, so it comes after it.
BUILDERS: dict[str, Builder] = {
    "sdxl": sdxl.build,
    "comfyui": comfyui.build,
    "midjourney": midjourney.build,
    "pika": pika.build,
    "runway": runway.build,
}


def build_all(scene: Scene) -> dict[str, dict[str, Any]]:
    """Return every platform's configuration; what does not fit goes to `scene.dropped`."""
    return {name: build(scene) for name, build in BUILDERS.items()}


__all__ = ["BUILDERS", "Builder", "Scene", "build_all"]
