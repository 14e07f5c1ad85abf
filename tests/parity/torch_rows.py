"""Steps of sequences in PyTorch, and what reads them: shared by the files of this folder."""
import sys
import torch


def only(table, known, what):
    """Complains about keys that are not translated."""
    for key in table:
        if key not in known:
            sys.exit(f"{what}: '{key}' is not translated to PyTorch by this script")


class Rows:
    """Steps of sequences: value [B, T, W], length [B]; without steps length is None."""

    def __init__(self, value, length=None):
        self.value, self.length = value, length


def mask_of(x):
    return (torch.arange(x.value.shape[1])[None, :] < x.length[:, None]).unsqueeze(2)


def reversed_rows(x):
    """Each sequence from its own end: [B, T, W]; what is behind stays where it is."""
    t = torch.arange(x.value.shape[1])[None, :]
    index = torch.where(t < x.length[:, None], x.length[:, None] - 1 - t, t)
    return torch.gather(x.value, 1, index.unsqueeze(2).expand_as(x.value))


def last_row(x):
    index = (x.length - 1).clamp(min=0)[:, None, None].expand(-1, 1, x.value.shape[2])
    return torch.gather(x.value, 1, index).squeeze(1) * (x.length > 0).unsqueeze(1)
