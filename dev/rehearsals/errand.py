"""
The command `stack` of the local runbooks: has the rehearsal that runs do something to its parts.

`stack stop host`, `stack start host`, `stack restart host NAME=VALUE …`, `stack restore TIME`. It prints the answer.
"""

import json
import os
import socket
import sys


def main() -> int:
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(os.environ["REHEARSAL_SOCKET"])
        caller.sendall(json.dumps(sys.argv[1:]).encode() + b"\n")
        with caller.makefile("rb") as answers:
            answer = json.loads(answers.readline())
    if answer["text"]:
        print(answer["text"], file=sys.stdout if answer["done"] else sys.stderr)
    return 0 if answer["done"] else 1


if __name__ == "__main__":
    sys.exit(main())
