"""Started by OpenSSH's client to ask a person: hands the question to this program, which has the terminal.

argv: the socket of this program, and the question. It runs with no other module of this project.
"""

import os
import socket
import sys


def main() -> int:
    """Prints the answer; the exit status is 1 if there is none."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect(sys.argv[1])
    # "none": a notice, as "touch your security key"; ssh ends this process when that has happened
    kind = "notice" if os.environ.get("SSH_ASKPASS_PROMPT") == "none" else "question"
    connection.sendall("\0".join([kind, *sys.argv[2:]]).encode())
    connection.shutdown(socket.SHUT_WR)
    answer = b""
    while data := connection.recv(4096):
        answer += data
    if not answer.startswith(b"+"):
        return 1
    sys.stdout.write(answer[1:].decode() + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
