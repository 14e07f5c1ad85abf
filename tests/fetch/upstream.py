"""upstream.py DATA FOLDER -- makes what the sets of the built-in catalogue are downloaded as, of what they become (in DATA), so that
all steps can be tested without a network: FOLDER/HOST/PATH for each https://HOST/PATH of the catalogue."""
import gzip
import io
import os
import shutil
import sys
import tarfile
import tomllib
import zipfile

DATA, FOLDER = sys.argv[1:3]


def place(url):
    path = os.path.join(FOLDER, url.split("://")[1])
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return path


def add(tar, path, data):
    info = tarfile.TarInfo(path)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def imdb(to):
    """Texts in the order of their names as text, as such archives have them, and one of the folders that nobody wants."""
    with tarfile.open(to, "w:gz", compresslevel=1) as tar:
        for split in ("test", "train"):
            with open(f"{DATA}/imdb/imdb.{split}.tsv", "rb") as f:
                rows = [line.rstrip(b"\n").split(b"\t") for line in f]
            for label, name, text in sorted(rows):
                add(tar, f"aclImdb/{split}/{'pos' if label == b'1' else 'neg'}/{name.decode()}.txt", text.replace(b" ", b"  ") + b" ")
        add(tar, "aclImdb/train/unsup/0_0.txt", b"no label")


def newsgroups(to):
    with tarfile.open(f"{DATA}/20newsgroups/20newsgroups-bydate.tar.xz") as old, tarfile.open(to, "w:gz", compresslevel=1) as new:
        for entry in old:
            if entry.isfile() and "news-bydate-t" in entry.name:
                add(new, entry.name.split("/", 1)[1], old.extractfile(entry).read())


def packed(name, entry, to):
    """Members of one set in one archive."""
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as z:
        for f in entry["file"]:
            z.write(f"{DATA}/{name}/{f['path']}", f["member"])
        z.writestr("readme", "to be left out")


with open("tools/fetch/catalogue/data.toml", "rb") as f:
    catalogue = tomllib.load(f)["data"]
for entry in catalogue:
    name = entry["name"]
    if not os.path.isdir(f"{DATA}/{name}") or name == "glove":
        continue
    for f in entry["file"]:
        if "url" in f:
            shutil.copy(f"{DATA}/{name}/{f['path']}", place(f["url"]))
    for d in entry.get("download", []):
        url = d["url"] if isinstance(d["url"], str) else d["url"][0]
        if name == "imdb":
            imdb(place(url))
        elif name == "20newsgroups":
            newsgroups(place(url))
        elif url.endswith(".gz"):
            member = os.path.basename(url)[:-3]
            with open(f"{DATA}/{name}/{member}", "rb") as f, gzip.open(place(url), "wb") as to:
                to.write(f.read())
        else:
            packed(name, entry, place(url))
    if "by_hand" not in entry:
        print(name)
