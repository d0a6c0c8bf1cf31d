"""What programs send and get, described for the schema. The checks are the optimiser's own."""

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from prompts.flows.optimize import MOST_IDEAS
from prompts.optimizer import SLOTS
from prompts.optimizer.engine import MOST_VARIANTS, VARIANT_SLOTS
from prompts.optimizer.request import IDEA_LENGTH, LARGEST_SEED

FOX = "a fox asleep in a greenhouse, rain on the glass"
BAR = "neon noodle bar in a narrow alley, one customer"


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "An idea",
            {"idea": FOX, "aspect_ratio": "16:9", "lighting": "golden hour"},
            request_only=True,
        )
    ]
)
class OptimizeRequestSerializer(serializers.Serializer):
    """An idea and its options. Only the idea is required."""

    idea = serializers.CharField(max_length=IDEA_LENGTH, help_text="What you want to see.")
    negative = serializers.CharField(
        required=False, allow_blank=True, max_length=1000, help_text="Unwanted words, with commas."
    )
    aspect_ratio = serializers.CharField(
        required=False, allow_blank=True, help_text="Width to height, like 16:9, from 1:4 to 4:1."
    )
    lighting = serializers.CharField(
        required=False, allow_blank=True, max_length=200, help_text="Like golden hour."
    )
    color_grade = serializers.CharField(
        required=False, allow_blank=True, max_length=200, help_text="Like teal and orange."
    )
    extra_tags = serializers.ListField(
        child=serializers.CharField(max_length=100),
        required=False,
        max_length=50,
        help_text="Words for the end of the prompt; a text with commas works too.",
    )
    preset = serializers.CharField(
        required=False, allow_blank=True, help_text="Code of a preset, like cinematic."
    )
    style = serializers.CharField(  # type: ignore[assignment]  # hides an attribute for HTML forms
        required=False, allow_blank=True, max_length=200, help_text="Like watercolor."
    )
    composition = serializers.CharField(
        required=False, allow_blank=True, max_length=200, help_text="Like low angle."
    )
    mood = serializers.CharField(
        required=False, allow_blank=True, max_length=200, help_text="Like serene."
    )
    motion = serializers.CharField(
        required=False, allow_blank=True, max_length=200, help_text="A camera move for video."
    )
    seed = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=0,
        max_value=LARGEST_SEED,
        help_text="The same seed draws the same picture.",
    )
    steps = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=60,
        help_text="For SDXL and ComfyUI.",
    )
    cfg = serializers.FloatField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=15,
        help_text="How closely SDXL follows the words.",
    )
    sampler = serializers.CharField(
        required=False, allow_blank=True, help_text="As ComfyUI spells it, like dpmpp_2m."
    )
    scheduler = serializers.CharField(
        required=False, allow_blank=True, help_text="As ComfyUI spells it, like karras."
    )
    midjourney_version = serializers.CharField(
        required=False, allow_blank=True, help_text="6 (default), 6.1, 7 or 8.1."
    )
    pika_version = serializers.CharField(
        required=False, allow_blank=True, help_text="bot (default) or 2.2."
    )
    runway_version = serializers.CharField(
        required=False, allow_blank=True, help_text="gen4.5 (default), gen4 or gen3."
    )


class FragmentSerializer(serializers.Serializer):
    """Words of the prompt, and where they come from."""

    text = serializers.CharField()
    origin = serializers.ChoiceField(["user", "inferred", "preset", "default"])
    rule = serializers.CharField(help_text="Stable id of the rule.")
    reason = serializers.CharField(help_text="One sentence for people.")


class SlotsSerializer(serializers.Serializer):
    """The eight slots in their strict order."""

    def get_fields(self) -> dict[str, serializers.Field]:
        """Return one list of fragments per slot."""
        return {slot: FragmentSerializer(many=True) for slot in SLOTS}


class DroppedSerializer(serializers.Serializer):
    """Words that are not in the prompt, and why."""

    text = serializers.CharField()
    rule = serializers.CharField()
    winner = serializers.CharField(
        allow_blank=True, help_text="What stands there instead, if anything."
    )


class HintSerializer(serializers.Serializer):
    """Advice for running the prompts."""

    code = serializers.CharField()
    text = serializers.CharField()


class PlatformsSerializer(serializers.Serializer):
    """A configuration for each tool; its fields depend on the tool and its version."""

    sdxl = serializers.DictField()
    comfyui = serializers.DictField(help_text="`workflow` is a graph for ComfyUI's POST /prompt.")
    midjourney = serializers.DictField()
    pika = serializers.DictField()
    runway = serializers.DictField()


class ResultSerializer(serializers.Serializer):
    """An idea made ready."""

    prompt = serializers.CharField(max_length=850)
    negative = serializers.CharField(allow_blank=True)
    slots = SlotsSerializer()
    dropped = DroppedSerializer(many=True)
    platforms = PlatformsSerializer()
    tokens = serializers.DictField(help_text="CLIP tokens in all, per slot, and per chunk of 75.")
    hints = HintSerializer(many=True)
    vocabulary_version = serializers.CharField()


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "Two ideas",
            {"ideas": [{"idea": FOX}, {"idea": BAR, "preset": "cinematic"}]},
            request_only=True,
        )
    ]
)
class BatchRequestSerializer(serializers.Serializer):
    """Several ideas."""

    ideas = OptimizeRequestSerializer(many=True, help_text=f"1 to {MOST_IDEAS} ideas.")


class BatchResultSerializer(serializers.Serializer):
    """Several results, in the order of the ideas."""

    results = ResultSerializer(many=True)


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "Three kinds of light",
            {"idea": FOX, "slot": "lighting", "count": 3},
            request_only=True,
        )
    ]
)
class VariantsRequestSerializer(OptimizeRequestSerializer):
    """An idea, the slot that shall differ, and how many variants."""

    slot = serializers.ChoiceField(list(VARIANT_SLOTS), help_text="What shall differ.")
    count = serializers.IntegerField(
        required=False,
        min_value=2,
        max_value=MOST_VARIANTS,
        default=2,
        help_text="How many variants.",
    )
