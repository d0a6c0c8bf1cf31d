"""What programs send and get, described for the schema. The checks are the optimiser's own."""

from rest_framework import serializers

from prompts.flows.optimize import MOST_IDEAS
from prompts.optimizer import SLOTS
from prompts.optimizer.engine import MOST_VARIANTS, VARIANT_SLOTS
from prompts.optimizer.request import IDEA_LENGTH, LARGEST_SEED


class OptimizeRequestSerializer(serializers.Serializer):
    """An idea and its options. Only the idea is required."""

    idea = serializers.CharField(max_length=IDEA_LENGTH, help_text="What you want to see.")
    negative = serializers.CharField(
        required=False, allow_blank=True, max_length=1000, help_text="Unwanted words, with commas."
    )
    aspect_ratio = serializers.CharField(
        required=False, allow_blank=True, help_text="Width to height, like 16:9, from 1:4 to 4:1."
    )
    lighting = serializers.CharField(required=False, allow_blank=True, max_length=200)
    color_grade = serializers.CharField(required=False, allow_blank=True, max_length=200)
    extra_tags = serializers.ListField(
        child=serializers.CharField(max_length=100),
        required=False,
        max_length=50,
        help_text="Words for the end of the prompt; a text with commas works too.",
    )
    preset = serializers.CharField(required=False, allow_blank=True, help_text="Code of a preset.")
    style = serializers.CharField(  # type: ignore[assignment]  # hides an attribute for HTML forms
        required=False, allow_blank=True, max_length=200
    )
    composition = serializers.CharField(required=False, allow_blank=True, max_length=200)
    mood = serializers.CharField(required=False, allow_blank=True, max_length=200)
    motion = serializers.CharField(
        required=False, allow_blank=True, max_length=200, help_text="A camera move for video."
    )
    seed = serializers.IntegerField(
        required=False, allow_null=True, min_value=0, max_value=LARGEST_SEED
    )
    steps = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=60)
    cfg = serializers.FloatField(required=False, allow_null=True, min_value=1, max_value=15)
    sampler = serializers.CharField(required=False, allow_blank=True)
    scheduler = serializers.CharField(required=False, allow_blank=True)
    midjourney_version = serializers.CharField(
        required=False, allow_blank=True, help_text="6 (default), 6.1, 7 or 8.1."
    )
    pika_version = serializers.CharField(required=False, allow_blank=True)
    runway_version = serializers.CharField(required=False, allow_blank=True)


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


class BatchRequestSerializer(serializers.Serializer):
    """Several ideas."""

    ideas = OptimizeRequestSerializer(many=True, help_text=f"1 to {MOST_IDEAS} ideas.")


class BatchResultSerializer(serializers.Serializer):
    """Several results, in the order of the ideas."""

    results = ResultSerializer(many=True)


class VariantsRequestSerializer(OptimizeRequestSerializer):
    """An idea, the slot that shall differ, and how many variants."""

    slot = serializers.ChoiceField(list(VARIANT_SLOTS))
    count = serializers.IntegerField(
        required=False, min_value=2, max_value=MOST_VARIANTS, default=2
    )
