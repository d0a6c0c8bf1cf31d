"""Prompts: from a rough idea to prompts that are ready for every picture and video tool.

Nouns: Term (a word of the vocabulary and its slot), ConflictSet, Preset, NegativeTerm, Suggestion,
PlatformProfile (what one version of a tool accepts), and the result: slots of fragments, each with
its origin and reason.
Flows: optimize (one idea, many ideas, and variants that differ in one slot).
"""
