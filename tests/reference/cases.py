"""What all references are made with: cases, files of them, random numbers that are float32."""
import json
import struct


class Cases:
    """Collects the cases of one file."""

    def __init__(self):
        self.tensors, self.texts = {}, {}

    def case(self, name, text, **tensors):
        self.texts[name] = text
        for key, value in tensors.items():
            self.add(name, key.replace("__", "."), value)

    def add(self, name, key, value):
        import numpy
        a = value.detach().cpu().numpy() if hasattr(value, "detach") else numpy.asarray(value)
        kind = numpy.int32 if a.dtype.kind in "iub" else numpy.float32
        self.tensors[f"{name}/{key}"] = numpy.ascontiguousarray(a.astype(kind))

    def write(self, path):
        header, data, at = {"__metadata__": self.texts}, b"", 0
        for name, a in self.tensors.items():
            raw = a.tobytes()
            dtype = "I32" if a.dtype.kind == "i" else "F32"
            header[name] = {"dtype": dtype, "shape": list(a.shape), "data_offsets": [at, at + len(raw)]}
            data, at = data + raw, at + len(raw)
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-(8 + len(text)) % 64)
        with open(path, "wb") as f:
            f.write(struct.pack("<Q", len(text)) + text + data)


def read(path):
    """Texts and tensors of a written file."""
    import numpy
    with open(path, "rb") as f:
        n = struct.unpack("<Q", f.read(8))[0]
        header = json.loads(f.read(n))
        data = f.read()
    texts, tensors = header.pop("__metadata__"), {}
    for name, t in header.items():
        kind = numpy.int32 if t["dtype"] == "I32" else numpy.float32
        tensors[name] = numpy.frombuffer(data[slice(*t["data_offsets"])], kind).reshape(t["shape"])
    return texts, tensors


LENGTHS = [4, 1, 7, 0, 3, 7, 1]


def random(generator, *shape, scale=1.0):
    """Normal numbers that are float32, kept as float64."""
    import torch
    return (torch.randn(*shape, generator=generator) * scale).float().double()
