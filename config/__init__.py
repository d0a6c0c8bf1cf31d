"""The switchboard: settings, URLs, the schedule, and the programs that run the house.

Only a docstring lives here, so that `python3 -m config.setup` works before anything is installed.
"""
