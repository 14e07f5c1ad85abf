"""attention_decoder in PyTorch: cells stepped by hand over a batch, so that a step can hear what the step before said."""
import sys
import torch
from torch import nn
from torch_rows import Rows, only


class AttentionDecoder(nn.Module):
    def __init__(self, t, inputs, size):
        super().__init__()
        name = t["name"]
        only(t, {"name", "type", "inputs", "embedding", "cell", "attention", "output", "teacher_forcing", "max_length", "initializers"}, name)
        only(t["embedding"], {"width", "dropout"}, f"{name}.embedding")
        only(t["cell"], {"type", "units", "layers", "dropout", "recurrent_bias"}, f"{name}.cell")
        attention, output = t.get("attention", {}), t.get("output", {})
        only(attention, {"type", "units"}, f"{name}.attention")
        only(output, {"units", "reads"}, f"{name}.output")
        self.teacher_forcing = t.get("teacher_forcing", 1.0)
        self.reads = output.get("reads", ["state", "context", "embedding"])
        self.attention = attention.get("type", "additive")
        if self.attention not in ("additive", "dot", "none"):
            sys.exit(f"{name}.attention: '{self.attention}' is not translated")
        words, width, source = inputs[0].classes, t["embedding"]["width"], 0 if self.attention == "none" else inputs[1].width
        self.embedding = nn.Embedding(words, width)
        self.drop = nn.Dropout(t["embedding"].get("dropout", 0.0))
        self.add_cells(t["cell"], width + source)
        self.output = nn.Linear(sum(dict(state=self.units, context=source, embedding=width)[r] for r in self.reads), words)
        if self.attention == "additive":
            units = attention.get("units", 0) or self.units
            self.key = nn.Linear(source, units, bias=False)
            self.query = nn.Linear(self.units, units)
            self.context = nn.Parameter(torch.zeros(units))
        self.width = words

    def add_cells(self, t, width):
        self.kind, self.units = t["type"], t["units"]
        if self.kind not in ("lstm", "gru"):
            sys.exit(f"a decoder's cell '{self.kind}' is not translated")
        self.second, self.between = t.get("recurrent_bias", self.kind == "gru"), nn.Dropout(t.get("dropout", 0.0))
        self.cells = nn.ModuleList()
        for i in range(t.get("layers", 1)):
            cell = (nn.LSTMCell if self.kind == "lstm" else nn.GRUCell)(self.units if i else width, self.units)
            if not self.second:
                with torch.no_grad():
                    cell.bias_hh.zero_()
                cell.bias_hh.requires_grad_(False)
            self.cells.append(cell)

    def seen(self, state, source, keys, mask):
        """What a step looks at: the source's steps [B, S, C] by how well they fit the state [B, H]."""
        if self.attention == "additive":
            scores = torch.tanh(self.query(state).unsqueeze(1) + keys) @ self.context
        else:
            scores = (source.value @ state.unsqueeze(2)).squeeze(2)
        return (torch.softmax(scores.masked_fill(~mask, float("-inf")), 1).unsqueeze(1) @ source.value).squeeze(1)

    def first_states(self, given, examples):
        """Of each cell, from initial_state, initial_cell and those of the lower layers (`_l0`): h, or h and c."""
        states = []
        for i in range(len(self.cells)):
            end = "" if i == len(self.cells) - 1 else f"_l{i}"
            pair = [given.get(k + end, torch.zeros(examples, self.units)) for k in ("state", "cell")]
            states.append(pair if self.kind == "lstm" else pair[:1])
        return states

    def step(self, x, states):
        for i, cell in enumerate(self.cells):
            after = cell(self.between(x) if i else x, tuple(states[i]) if self.kind == "lstm" else states[i][0])
            states[i] = list(after) if self.kind == "lstm" else [after]
            x = states[i][0]

    def forward(self, words, source, given, own):
        ids, logits, said = words.value, [], None
        states = self.first_states(given, len(ids))
        mask = torch.arange(source.value.shape[1])[None, :] < source.length[:, None]
        keys = self.key(source.value) if self.attention == "additive" else None
        for t in range(ids.shape[1]):
            heard = ids[:, t]
            if t and (own or (self.training and self.teacher_forcing < 1)):
                taught = torch.zeros(len(ids)) if own else (torch.rand(len(ids)) < self.teacher_forcing)
                heard = torch.where(taught.bool(), heard, said)
            parts = dict(embedding=self.drop(self.embedding(heard)))
            if self.attention != "none":
                parts["context"] = self.seen(states[-1][0], source, keys, mask)
            self.step(torch.cat(list(parts.values()), 1), states)
            parts["state"] = states[-1][0]
            logits.append(self.output(torch.cat([parts[r] for r in self.reads], 1)))
            said = logits[-1].detach().argmax(1)
        return {"": Rows(torch.stack(logits, 1), words.length)}

    def by_name(self):
        named = {"embedding_weight": self.embedding.weight, "output_weight": self.output.weight, "output_bias": self.output.bias}
        for i, cell in enumerate(self.cells):
            end = f"_l{i}" if i else ""
            named |= {f"{self.kind}.weight_ih{end}": cell.weight_ih, f"{self.kind}.weight_hh{end}": cell.weight_hh,
                      f"{self.kind}.bias{end}": cell.bias_ih} | ({f"{self.kind}.bias_hh{end}": cell.bias_hh} if self.second else {})
        if self.attention == "additive":
            named |= {"attention_key_weight": self.key.weight, "attention_query_weight": self.query.weight,
                      "attention_bias": self.query.bias, "attention_context": self.context}
        return named
