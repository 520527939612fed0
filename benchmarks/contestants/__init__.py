"""
Other ways to bring a mailbox into PostgreSQL, each a program of its own, so that its CPU can be told apart.

    python -m benchmarks.contestants.serial '{"graph": ..., "ca": ..., "token": ..., "database": ..., "page": 100}'

Each prints one line of JSON: how many messages, in how many seconds, with how much CPU time.
"""
