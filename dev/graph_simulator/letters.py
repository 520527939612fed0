"""HTML bodies like those of real mail: tables and inline styles around a quarter of text, of log-normal size."""

import math
import random
from itertools import accumulate

VOCABULARY = 4_000
VARIETY = 97  # different bodies, each used for many messages
SPREAD = 0.6  # of the logarithm of the size
_SYLLABLES = ["ba", "cor", "de", "fin", "gla", "ho", "ing", "ju", "ka", "lor", "men", "no", "pre", "qui", "ra", "ster"]
_OPENING = (
    '<html><head><meta http-equiv="Content-Type" content="text/html; charset=utf-8"><style>p{margin:0}</style></head>'
    '<body lang="EN-GB" style="word-wrap:break-word"><table border="0" cellspacing="0" cellpadding="0" width="100%">'
)
_ROW = (
    '<tr><td style="padding:{a}px {b}px;border-bottom:solid #{c:06x} 1.0pt"><p class="MsoNormal" style="margin-bottom:'
    '{a}.0pt;line-height:{b}.0pt"><span style="font-size:11.0pt;font-family:\'Segoe UI\',sans-serif;color:#{d:06x}">'
    '{text} <a href="https://contoso.example/track/{e:032x}">{link}</a></span></p></td></tr>\n'
)
_CLOSING = "</table></body></html>"


class Letters:
    """Gives bodies whose sizes have a mean of `mean_bytes`."""

    def __init__(self, dice: random.Random, mean_bytes: int) -> None:
        self._words = ["".join(dice.choices(_SYLLABLES, k=dice.randint(1, 4))) for _ in range(VOCABULARY)]
        self._weights = list(accumulate(1 / (rank + 10) for rank in range(VOCABULARY)))  # as common words are
        median = math.log(mean_bytes) - SPREAD**2 / 2
        self._bodies = [self._body(dice, int(dice.lognormvariate(median, SPREAD))) for _ in range(VARIETY)]

    def html(self, position: int, greeting: str) -> str:
        return f"{_OPENING}<tr><td><p>{greeting}</p></td></tr>{self._bodies[position % VARIETY]}{_CLOSING}"

    def _body(self, dice: random.Random, size: int) -> str:
        rows: list[str] = []
        length = len(_OPENING) + len(_CLOSING)
        while length < size:
            words = dice.choices(self._words, cum_weights=self._weights, k=dice.randint(4, 28))
            row = _ROW.format(
                a=dice.randrange(4, 20),
                b=dice.randrange(12, 28),
                c=dice.getrandbits(24),
                d=dice.getrandbits(24),
                e=dice.getrandbits(128),
                text=" ".join(words).capitalize() + ".",
                link=words[0],
            )
            rows.append(row)
            length += len(row)
        return "".join(rows)
