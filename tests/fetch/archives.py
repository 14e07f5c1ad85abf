"""archives.py FOLDER OUTSIDE -- archives of which nothing may be unpacked, and good ones, as FOLDER/NAME. OUTSIDE: an absolute path
that one of them would write to."""
import io
import sys
import tarfile
import zipfile

FOLDER, OUTSIDE = sys.argv[1:3]


def tar(name, *entries):
    """Entries: (path, text) or (path, kind, target)."""
    with tarfile.open(f"{FOLDER}/{name}", "w:gz") as t:
        for path, *what in [("data/good.txt", "good\n")] + list(entries):
            info = tarfile.TarInfo(path)
            if len(what) == 1:
                data = what[0].encode()
                info.size = len(data)
                t.addfile(info, io.BytesIO(data))
            else:
                info.type, info.linkname = what
                info.devmajor, info.devminor = 1, 3
                t.addfile(info)


tar("dotdot.tar.gz", ("../escaped", "x"))
tar("inner.tar.gz", ("data/../../escaped", "x"))
tar("absolute.tar.gz", (OUTSIDE, "x"))
tar("symlink.tar.gz", ("data/link", tarfile.SYMTYPE, "/tmp"))
tar("through.tar.gz", ("data/link", tarfile.SYMTYPE, ".."), ("data/link/escaped", "x"))
tar("within.tar.gz", ("data/link", tarfile.SYMTYPE, "good.txt"))
tar("hardlink.tar.gz", ("data/hard", tarfile.LNKTYPE, "/etc/hostname"))
tar("device.tar.gz", ("data/null", tarfile.CHRTYPE, ""))
tar("pipe.tar.gz", ("data/pipe", tarfile.FIFOTYPE, ""))
tar("control.tar.gz", ("data/\033[31mred", "x"))
tar("twice.tar.gz", ("data/good.txt", "again\n"))
tar("below.tar.gz", ("data/good.txt/more", "x"))
tar("large.tar.gz", ("data/zero", "0" * 1000000))
tar("good.tar.gz", ("./data/sub/more.txt", "more\n"), ("data/empty", ""))
with zipfile.ZipFile(f"{FOLDER}/dotdot.zip", "w") as z:
    z.writestr("good.txt", "good\n")
    z.writestr("../escaped", "x")
with zipfile.ZipFile(f"{FOLDER}/backslash.zip", "w") as z:
    info = zipfile.ZipInfo("x")
    info.filename = "..\\escaped"
    z.writestr(info, "x")
with open(f"{FOLDER}/broken.tar.gz", "wb") as f:
    f.write(open(f"{FOLDER}/good.tar.gz", "rb").read()[:80])
with open(f"{FOLDER}/page.tar.gz", "w") as f:
    f.write("<html>We have moved.</html>\n" * 50)
with open(f"{FOLDER}/mtree.tar.gz", "w") as f:
    f.write("#mtree\ndata type=dir\ndata/taken type=file contents=/etc/hostname\n")

# texts in folders, as a table wants them: numbers before letters of names, white space, an ending, deeper ones left out
tar("texts.tar.gz", ("t/pos/10_9.txt", "  ten\t\ttabs \r\nline "), ("t/pos/2_7.txt", "two\u0085 \u00e4"), ("t/neg/1_1.txt", ""),
    ("t/neg/deep/0_1.txt", "not this"), ("t/unsup/0_0.txt", "nor this"))
