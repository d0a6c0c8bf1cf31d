"""People and what belongs to them.

Nouns: User (who signs in), Account (who owns, buys and is metered), Membership (a user's role in an
account), ApiKey, Brand and its LegalText, OutgoingMail.
Flows: signup (verify, claim, first account), keys, leaving, mail, brands, privacy, starter.
"""
