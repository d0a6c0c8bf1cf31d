"""ComfyUI: a workflow in the API's format, ready for POST /prompt.

One CLIPTextEncode for every chunk of 75 tokens, joined by ConditioningConcat, so that no phrase is
cut where a chunk ends.
"""

from typing import Any

from ..tokens import Chunk
from .scene import Scene
from .sdxl import escape

_CHECKPOINT, _LATENT, _SAMPLER, _DECODE, _SAVE = "1", "2", "3", "4", "5"
_FIRST_TEXT = 6
Node = dict[str, Any]


def build(scene: Scene) -> dict[str, Any]:
    """Return the workflow and the few things a person may want to change in it."""
    profile = scene.profile("comfyui")
    settings, drawing = profile.settings, scene.drawing
    nodes: dict[str, Node] = {
        _CHECKPOINT: _node("CheckpointLoaderSimple", ckpt_name=settings["checkpoint"]),
        _LATENT: _node(
            "EmptyLatentImage",
            width=drawing["width"],
            height=drawing["height"],
            batch_size=settings["batch_size"],
        ),
    }
    positive = _texts(nodes, scene.chunks, "Prompt")
    negative = _texts(nodes, scene.negative_chunks, "Negative")
    nodes[_SAMPLER] = _node(
        "KSampler",
        model=[_CHECKPOINT, 0],
        positive=[positive, 0],
        negative=[negative, 0],
        latent_image=[_LATENT, 0],
        seed=drawing["seed"],
        steps=drawing["steps"],
        cfg=drawing["cfg"],
        sampler_name=drawing["sampler"],
        scheduler=drawing["scheduler"],
        denoise=settings["denoise"],
    )
    nodes[_DECODE] = _node("VAEDecode", samples=[_SAMPLER, 0], vae=[_CHECKPOINT, 2])
    nodes[_SAVE] = _node(
        "SaveImage", images=[_DECODE, 0], filename_prefix=settings["filename_prefix"]
    )
    return {
        "version": profile.version,
        "checkpoint": settings["checkpoint"],
        "workflow": nodes,
    }


def _node(class_type: str, **inputs: object) -> Node:
    return {"class_type": class_type, "inputs": inputs}


def _texts(nodes: dict[str, Node], chunks: list[Chunk], title: str) -> str:
    """Add the text nodes of a prompt and return the id of the node that gives all of it."""
    result = ""
    for number, chunk in enumerate(chunks, 1):
        name = str(len(nodes) + _FIRST_TEXT - 2)
        nodes[name] = {
            "class_type": "CLIPTextEncode",
            "inputs": {"text": escape(chunk.text), "clip": [_CHECKPOINT, 1]},
            "_meta": {"title": title if len(chunks) == 1 else f"{title} {number}"},
        }
        if result:
            joined = str(len(nodes) + _FIRST_TEXT - 2)
            nodes[joined] = _node(
                "ConditioningConcat", conditioning_to=[result, 0], conditioning_from=[name, 0]
            )
            name = joined
        result = name
    return result
