"""What no product owns: HTTP, encrypted columns, jobs, API answers, rate limits.

No tables, no URLs, no admin, no templates, and no import of another part of ours. A thing moves
in only when two apps use it.
"""
