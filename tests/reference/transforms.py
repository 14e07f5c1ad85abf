"""References of transforms, as texts: subword-nmt's pairs and subwords, scikit-learn's n-grams, Keras' padding of sequences."""
import contextlib
import io
import os

from cases import Cases

# Words that come again with other endings, letters that follow themselves, letters of two and three bytes.
TEXT = """the joiner cuts the tenon and the mortise before the joint is glued
a joint that is cut too loose is a loose joint whatever the glue
the saw cuts on the pull and the chisel cuts on the push
cutting and sawing are slower than gluing and slower than waiting for glue
a good joiner is waiting while the slower joiner is sawing again
the loosest of the loose joints was the lowest joint on the lowest drawer
the drawers of the lower row were wider than the drawers of the upper row
who widens the mortise widens it once and who narrows it glues a shaving in
bananas and mississippi and assassins and cocoon and voodoo have letters twice
aaa aaaa aaaaa aaaaaa abab ababab abababab zzz zzzz zzzzzz xyxy xyxyxy
hahaha haha hahahaha ha lalala lala nanana banana ananas
der fräser fräst und der hobel hobelt über die größeren bretter
die größte säge sägt größere bretter als die größeren sägen
für größere fugen nähme er gröbere feilen und übte länger
ein zapfen passt wenn er ohne leim hält und mit leim noch länger hält
θεμέλιο και θεμέλια και θεμελίων
木 木工 木工所 木工具 大工 大工道具
1890 1891 1892 1900 1901 2000 2001 20 200 2000
well-made well-made half-made half-lap half-blind cross-lap
the narrower the tenon the weaker the joint and the wider the weaker the cheeks
""".rstrip("\n").split("\n")
NEW = """joiners tenons mortises glued unglued sawn loosely lowered widening narrowest drawer bananarama aaaaaaa aaaaaaaaaaaaa abababa zz
z xyxyxyx hahahah größtes übergröße sägespäne θεμέλιος 木工屋 工 1893 200000 well half-baked qqq é ñandú the t""".split()


def subwords(c, merges, min_count):
    """Pairs that subword-nmt learns from TEXT, and what it makes of all words of TEXT and of NEW."""
    from subword_nmt.apply_bpe import BPE
    from subword_nmt.learn_bpe import learn_bpe
    codes = io.StringIO()
    with contextlib.redirect_stderr(io.StringIO()):
        learn_bpe(io.StringIO("\n".join(TEXT)), codes, merges, min_frequency=min_count)
    pairs = codes.getvalue().split("\n", 1)[1]
    codes.seek(0)
    bpe = BPE(codes)
    words = list(dict.fromkeys(" ".join(TEXT).split() + NEW))
    c.case(f"bpe_{merges}_{min_count}", f"{{ type = 'bpe', merges = {merges}, min_count = {min_count} }}")
    c.case(f"bpe_{merges}_{min_count}/pairs", pairs.rstrip("\n"))
    c.case(f"bpe_{merges}_{min_count}/words", "\n".join(f"{w} {'|'.join(bpe.segment(w).split())}" for w in words))


def steps_case(c, name, transforms, text, steps):
    c.case(name, f"{transforms}\n{text}\n{'|'.join(steps)}")


def n_grams(c, name, least, most, text, characters=False):
    """The n-grams of CountVectorizer for each n, in the order of their first steps: it has them by n."""
    from sklearn.feature_extraction.text import CountVectorizer
    how = dict(analyzer="char") if characters else dict(tokenizer=str.split, token_pattern=None)
    grams = lambda a, b: CountVectorizer(lowercase=False, ngram_range=(a, b), **how).build_analyzer()(text)
    by_n = [grams(n, n) for n in range(least, most + 1)]
    steps = [of_n[i] for i in range(len(by_n[0])) for of_n in by_n if i < len(of_n)]
    assert sorted(steps) == sorted(grams(least, most))
    before = "'characters'" if characters else "{ type = 'words', at = 'spaces' }"
    join = ", join = ''" if characters else ""
    steps_case(c, f"ngrams_{name}", f"{before}, {{ type = 'ngrams', least = {least}, most = {most}{join} }}", text, steps)


def padding(c, text, length):
    """pad_sequences cuts at one end and fills at one end; Tenon has a transform for each."""
    from keras.utils import pad_sequences
    words = text.split()
    for side, padding in (("left", "pre"), ("right", "post")):
        for keep, truncating in (("first", "post"), ("last", "pre")):
            steps = pad_sequences([words], length, dtype=object, padding=padding, truncating=truncating, value="<pad>")[0]
            cut = f"{{ type = 'truncate', length = {length}, keep = '{keep}' }}"
            fill = f"{{ type = 'pad', length = {length}, side = '{side}' }}"
            steps_case(c, f"pad_{len(words)}_to_{length}_{side}_{keep}", f"'words', {cut}, {fill}", text, steps)


def transforms():
    os.environ.setdefault("KERAS_BACKEND", "torch")
    c = Cases()
    c.case("text", "\n".join(TEXT))
    subwords(c, 60, 2)
    subwords(c, 1000, 2)  # until no pair comes twice
    subwords(c, 1000, 5)
    n_grams(c, "words_1_1", 1, 1, TEXT[0])
    n_grams(c, "words_1_2", 1, 2, TEXT[1])
    n_grams(c, "words_2_4", 2, 4, TEXT[11])
    n_grams(c, "words_3_3", 3, 3, "two words")
    n_grams(c, "words_1_3", 1, 3, "two words")
    n_grams(c, "characters_1_3", 1, 3, TEXT[15], characters=True)
    n_grams(c, "characters_3_5", 3, 5, TEXT[16], characters=True)
    for text in ("", "one", "one two three", "one two three four", "one two three four five six"):
        padding(c, text, 4)
    padding(c, "one two", 1)
    return c
