"""What is used and what is paid.

Nouns: UsageCounter (what an API key used in a period).
Flows: quotas (charge, give back, status).
"""
