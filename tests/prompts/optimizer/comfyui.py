"""A validator for ComfyUI workflows, written from the facts of the nodes it knows.

Inputs are (kind, constraint): a link of a type, or a value with limits or choices.
"""

from typing import Any

SAMPLERS = {
    "euler",
    "euler_cfg_pp",
    "euler_ancestral",
    "euler_ancestral_cfg_pp",
    "heun",
    "heunpp2",
    "dpm_2",
    "dpm_2_ancestral",
    "lms",
    "dpm_fast",
    "dpm_adaptive",
    "dpmpp_2s_ancestral",
    "dpmpp_2s_ancestral_cfg_pp",
    "dpmpp_sde",
    "dpmpp_sde_gpu",
    "dpmpp_2m",
    "dpmpp_2m_cfg_pp",
    "dpmpp_2m_sde",
    "dpmpp_2m_sde_gpu",
    "dpmpp_2m_sde_heun",
    "dpmpp_2m_sde_heun_gpu",
    "dpmpp_3m_sde",
    "dpmpp_3m_sde_gpu",
    "ddpm",
    "lcm",
    "ipndm",
    "ipndm_v",
    "deis",
    "res_multistep",
    "res_multistep_cfg_pp",
    "res_multistep_ancestral",
    "res_multistep_ancestral_cfg_pp",
    "gradient_estimation",
    "gradient_estimation_cfg_pp",
    "er_sde",
    "seeds_2",
    "seeds_3",
    "sa_solver",
    "sa_solver_pece",
    "ddim",
    "uni_pc",
    "uni_pc_bh2",
}
SCHEDULERS = {
    "simple",
    "sgm_uniform",
    "karras",
    "exponential",
    "ddim_uniform",
    "beta",
    "normal",
    "linear_quadratic",
    "kl_optimal",
}
SIZE = ("int", (16, 16384))
NODES: dict[str, dict[str, Any]] = {
    "CheckpointLoaderSimple": {
        "inputs": {"ckpt_name": ("text", None)},
        "outputs": ["MODEL", "CLIP", "VAE"],
    },
    "EmptyLatentImage": {
        "inputs": {"width": SIZE, "height": SIZE, "batch_size": ("int", (1, 4096))},
        "outputs": ["LATENT"],
    },
    "CLIPTextEncode": {
        "inputs": {"text": ("text", None), "clip": ("link", "CLIP")},
        "outputs": ["CONDITIONING"],
    },
    "ConditioningConcat": {
        "inputs": {
            "conditioning_to": ("link", "CONDITIONING"),
            "conditioning_from": ("link", "CONDITIONING"),
        },
        "outputs": ["CONDITIONING"],
    },
    "KSampler": {
        "inputs": {
            "model": ("link", "MODEL"),
            "seed": ("int", (0, 2**64 - 1)),
            "steps": ("int", (1, 10000)),
            "cfg": ("float", (0, 100)),
            "sampler_name": ("choice", SAMPLERS),
            "scheduler": ("choice", SCHEDULERS),
            "positive": ("link", "CONDITIONING"),
            "negative": ("link", "CONDITIONING"),
            "latent_image": ("link", "LATENT"),
            "denoise": ("float", (0, 1)),
        },
        "outputs": ["LATENT"],
    },
    "VAEDecode": {
        "inputs": {"samples": ("link", "LATENT"), "vae": ("link", "VAE")},
        "outputs": ["IMAGE"],
    },
    "SaveImage": {
        "inputs": {"images": ("link", "IMAGE"), "filename_prefix": ("text", None)},
        "outputs": [],
    },
}


def problems(workflow: dict[str, Any]) -> list[str]:
    """Return what a ComfyUI server would refuse in a workflow; an empty list is a good one."""
    found: list[str] = []
    for name, node in workflow.items():
        if not isinstance(name, str):
            found.append(f"id {name!r} is not text")
        if not set(node) <= {"class_type", "inputs", "_meta"}:
            found.append(f"{name}: unknown keys {sorted(node)}")
        known = NODES.get(node.get("class_type"))
        if known is None:
            found.append(f"{name}: unknown node {node.get('class_type')!r}")
            continue
        inputs = node["inputs"]
        if set(inputs) != set(known["inputs"]):
            found.append(f"{name}: inputs {sorted(set(inputs) ^ set(known['inputs']))}")
            continue
        for field, (kind, limit) in known["inputs"].items():
            if not fits(inputs[field], kind, limit, workflow):
                found.append(f"{name}.{field}: {inputs[field]!r} is no {kind}")
    saves = [name for name, node in workflow.items() if node.get("class_type") == "SaveImage"]
    if not saves:
        found.append("prompt_no_outputs")
    elif not found and reached(workflow, saves[0], ()) != set(workflow):
        found.append("a node leads nowhere")
    return found


def fits(value: Any, kind: str, limit: Any, workflow: dict[str, Any]) -> bool:
    """Tell whether an input's value is what the node takes."""
    if kind == "link":
        if not (isinstance(value, list) and len(value) == 2 and value[0] in workflow):
            return False
        outputs = NODES.get(workflow[value[0]]["class_type"], {"outputs": []})["outputs"]
        return isinstance(value[1], int) and value[1] < len(outputs) and outputs[value[1]] == limit
    if kind == "text":
        return isinstance(value, str) and ".." not in value.split("/")
    if kind == "choice":
        return value in limit
    types = int if kind == "int" else (int, float)
    right_type = isinstance(value, types) and not isinstance(value, bool)
    return right_type and limit[0] <= value <= limit[1]


def reached(workflow: dict[str, Any], name: str, path: tuple[str, ...]) -> set[str]:
    """Return the nodes a node depends on, itself among them; a circle is an error."""
    if name in path:
        raise ValueError(f"a circle: {path}")
    found = {name}
    for value in workflow[name]["inputs"].values():
        if isinstance(value, list):
            found |= reached(workflow, value[0], (*path, name))
    return found
