"""The test suites behind `make test`, the servers they need, and the checks behind `make check`.

`suite` runs pytest once and counts, `servers` starts a throwaway PostgreSQL and Valkey (or uses
TEST_DATABASE_URL and TEST_REDIS_URL), `__main__` runs all in order and closes with one line.
"""
