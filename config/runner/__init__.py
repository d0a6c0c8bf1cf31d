"""The runner behind `manage.py up`: broker, web, worker, beat and bot under one roof.

`process` says what a program is, `supervisor` keeps programs running and stops them in order,
`table` lists ours, `prepare` brings the database up to date, `screen` tells where to go.
The supervisor knows nothing of Django, so that it can be tried with any programs.
"""
