#!/usr/bin/env python3
"""Makes spans.txt: what conlleval counts in pairs of tag sequences, by its published rules, one pair of tags at a time.

    conlleval.py           writes spans.txt beside this script
    conlleval.py --check   compares it with what would be written

A line is a case: true tags, said tags, then `TYPE hits said true` for each type, by tabs. Tags are valid in their scheme,
or drawn one by one, so that every transition occurs. S, and an E with a B behind it, are no part of conlleval's rules; the
pairs marked so below are what readers of BIOES add to them.
"""
import os
import random
import sys

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "spans.txt")
# A chunk ends between two tags of one type, and begins between them, for these letters:
ENDS = {"BB", "BO", "IB", "IO", "EE", "EI", "EO"} | {"EB", "ES", "BS", "IS", "SB", "SI", "SE", "SS", "SO"}  # BIOES: the second set
BEGINS = {"BB", "IB", "OB", "OI", "EE", "EI", "OE"} | {"EB", "ES", "BS", "IS", "OS", "SB", "SI", "SE", "SS"}
LETTER = dict(M="I", L="E", U="S")


def cut(tag):
    letter, _, kind = tag.partition("-")
    return LETTER.get(letter, letter), kind


def ends(before, now):
    return before[0] + now[0] in ENDS or (before[0] != "O" and before[1] != now[1])


def begins(before, now):
    return before[0] + now[0] in BEGINS or (now[0] != "O" and before[1] != now[1])


def count(true, said):
    """The loop of conlleval over one sentence, which ends as if an O stood behind it."""
    table, open_hit, last = {}, False, (("O", ""), ("O", ""))
    add = lambda kind, i: table.setdefault(kind, [0, 0, 0]).__setitem__(i, table[kind][i] + 1)
    for pair in list(zip(map(cut, true), map(cut, said))) + [(("O", ""), ("O", ""))]:
        over = [ends(last[k], pair[k]) for k in range(2)]
        starts = [begins(last[k], pair[k]) for k in range(2)]
        if open_hit:
            if over[0] and over[1] and last[0][1] == last[1][1]:
                open_hit = False
                add(last[0][1], 0)
            elif over[0] != over[1] or pair[0][1] != pair[1][1]:
                open_hit = False
        if starts[0] and starts[1] and pair[0][1] == pair[1][1]:
            open_hit = True
        if starts[1]:
            add(pair[1][1], 1)
        if starts[0]:
            add(pair[0][1], 2)
        last = pair
    return table


def valid(r, n, scheme):
    """Spans of one to three tokens and gaps, written in the scheme."""
    tags, kind = [], None
    while len(tags) < n:
        m = min(r.randint(1, 3), n - len(tags))
        if r.random() < 0.4:
            tags += ["O"] * m
            kind = None
            continue
        before, kind = kind, r.choice("XY")
        if scheme == "IOB1":
            letters = ("B" if before == kind else "I") + "I" * (m - 1)
        elif scheme == "BIO":
            letters = "B" + "I" * (m - 1)
        else:
            one, first, middle, last = {"BIOES": "SBIE", "BMES": "SBME", "BILOU": "UBIL"}[scheme]
            letters = one if m == 1 else first + middle * (m - 2) + last
        tags += [f"{a}-{kind}" for a in letters]
    return tags


def spoilt(r, tags, alphabet):
    return [r.choice(alphabet) if r.random() < 0.25 else t for t in tags]


def cases():
    r = random.Random(1)
    letters = dict(BIO="BI", IOB1="BI", IOE="IE", BIOES="BIES", BMES="BMES", BILOU="BILU")
    for scheme, has in letters.items():
        alphabet = ["O"] + [f"{a}-{k}" for a in has for k in "XY"]
        for i in range(30):
            n = 1 + i % 9
            drawn = [r.choice(alphabet) for _ in range(n)]
            if i % 3 == 0 or scheme == "IOE":
                yield drawn, spoilt(r, drawn, alphabet)
            else:
                true = valid(r, n, scheme)
                yield true, spoilt(r, true, alphabet) if i % 3 == 1 else valid(r, n, scheme)
    for true, said in [("B I O", "B I O"), ("I I O I", "I O O I"), ("S B E", "S S E")]:   # no types
        yield true.split(), said.split()


def text():
    lines = []
    for true, said in cases():
        table = count(true, said)
        numbers = [" ".join([kind or "span", *map(str, table[kind])]) for kind in sorted(table)]
        lines.append("\t".join([" ".join(true), " ".join(said), *numbers]))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        with open(PATH) as f:
            same = f.read() == text()
        print(f"spans made again: {int(same)} passed, {int(not same)} failed")
        sys.exit(not same)
    with open(PATH, "w") as f:
        f.write(text())
