"""Reads the file that `checkpoint_test make FILE` writes: by hand after the format's description, and by the
safetensors package where it is installed. Prints one line that counts, as every test does."""
import json
import struct
import sys

EXPECTED = {
    "flags": ("U8", [3], "3B", (1, 2, 255)),
    "layer.encoder.weight_ih": ("F32", [2, 3], "6f", None),
    'slot "0" \u00e9': ("F64", [2], "2d", (3.141592653589793, -1e-308)),
    "step": ("I64", [], "1q", (-9007199254740993,)),
    "ids": ("I32", [1, 2, 1, 2], "4i", (-1, 0, 7, 2147483647)),
    "nothing": ("F32", [0, 5], "0f", ()),
}
WEIGHT = (0.0, 1.0, -2.5, 3e38, 1e-45, -0.0)
passed = failed = 0


def expect(holds, what):
    global passed, failed
    passed, failed = passed + bool(holds), failed + (not holds)
    if not holds:
        print("FAILED:", what)


with open(sys.argv[1], "rb") as f:
    whole = f.read()
n = struct.unpack("<Q", whole[:8])[0]
header = json.loads(whole[8:8 + n].decode("utf-8"))
data = whole[8 + n:]
meta = header.pop("__metadata__")
expect((8 + n) % 64 == 0, f"data begin at {8 + n}")
expect(all(isinstance(v, str) for v in meta.values()) and meta["epoch"] == "3", meta)
expect(set(header) == set(EXPECTED), sorted(header))
end = 0
for name, row in sorted(header.items(), key=lambda x: x[1]["data_offsets"]):
    dtype, shape, form, values = EXPECTED[name]
    begin, stop = row["data_offsets"]
    expect(begin == end, f"{name} begins at {begin}, expected {end}")
    end = stop
    expect((row["dtype"], row["shape"]) == (dtype, shape), f"{name}: {row}")
    found = struct.unpack("<" + form, data[begin:stop])
    if values is None:
        values = struct.unpack("<6f", struct.pack("<6f", *WEIGHT))
    expect(found == values, f"{name}: {found}, expected {values}")
expect(end == len(data), f"{len(data)} bytes of data, expected {end}")
try:
    from safetensors import safe_open
except ImportError:
    print("no safetensors package: skipped\ncheckpoint-python: %d passed, %d failed, 1 skipped" % (passed, failed))
else:
    with safe_open(sys.argv[1], framework="np") as f:
        expect(set(f.keys()) == set(EXPECTED), list(f.keys()))
        expect(f.metadata() == meta, f.metadata())
        for name, (dtype, shape, form, values) in EXPECTED.items():
            found = f.get_tensor(name)
            expect(list(found.shape) == shape, f"{name}: {found.shape}")
            if values:
                expect(tuple(found.reshape(-1).tolist()) == values, f"{name}: {found}")
    print("checkpoint-python: %d passed, %d failed" % (passed, failed))
sys.exit(failed != 0)
