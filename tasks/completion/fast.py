"""The program that shells run at each TAB: it prints a line with the kind of answer, then the candidates.

    fast.py bash LINE-BEFORE-CURSOR LINE-AFTER-CURSOR WORDBREAKS
    fast.py zsh|fish NUMBER WORD...     (the NUMBER-th word is being completed; later ones are context)

It runs without site-packages and reports no error: somebody is typing.
"""

import os
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))


def main() -> None:
    sys.path.insert(0, TOP)
    from tasks.completion import reply

    sys.stdout.buffer.write(reply.reply(sys.argv[1:], TOP).encode("utf-8", "surrogateescape"))


if __name__ == "__main__":
    try:
        main()
    except Exception:
        sys.exit(1)
