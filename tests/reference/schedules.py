"""Cases of schedules.safetensors: the rate at every step of a training, as torch.optim.lr_scheduler gives it. A schedule
that PyTorch lacks is its published formula, as the function of a LambdaLR."""


from cases import Cases


def rates(make, steps, epoch_steps=1, base=0.5, history=None):
    """Rates of a scheduler that takes a step after each step (epoch_steps 1) or after each epoch."""
    import torch
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=base)
    scheduler, out = make(optimizer), []
    for step in range(steps):
        out.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if (step + 1) % epoch_steps == 0:
            scheduler.step() if history is None else scheduler.step(history[(step + 1) // epoch_steps - 1])
    return out


def schedules():
    import math
    from torch.optim import lr_scheduler as s
    c = Cases()

    def case(name, options, make, steps=60, epoch_steps=1, base=0.5, history=None, higher=0):
        c.case(name, "schedule { %s }" % options, base=[base], epoch_steps=[epoch_steps],
               out=rates(make, steps, epoch_steps, base, history))
        if history is not None:
            c.add(name, "value", [float(v) for v in history])
            c.add(name, "higher", [higher])

    epoch = dict(steps=60, epoch_steps=4)
    case("constant", 'type = "constant"', lambda o: s.ConstantLR(o, factor=1.0))
    case("step", 'type = "step", factor = 0.3, every = 4', lambda o: s.StepLR(o, 4, 0.3), **epoch)
    case("multi_step", 'type = "multi_step", milestones = [2, 3, 9], factor = 0.2',
         lambda o: s.MultiStepLR(o, [2, 3, 9], 0.2), **epoch)
    case("multi_step_steps", 'type = "multi_step", milestones = [1, 40], factor = 0.5, per = "step"',
         lambda o: s.MultiStepLR(o, [1, 40], 0.5))
    case("exponential", 'type = "exponential", factor = 0.9', lambda o: s.ExponentialLR(o, 0.9), **epoch)
    case("exponential_from_epoch_5", 'type = "exponential", factor = 0.5, start = 5',
         lambda o: s.LambdaLR(o, lambda e: 0.5 ** max(e + 1 - 5, 0)), **epoch)
    case("polynomial_line", 'type = "polynomial", length = 40', lambda o: s.PolynomialLR(o, 40))
    case("polynomial", 'type = "polynomial", power = 2.5, length = 12, per = "epoch"',
         lambda o: s.PolynomialLR(o, 12, power=2.5), **epoch)
    case("polynomial_to_minimum", 'type = "polynomial", length = 30, minimum = 0.1',
         lambda o: s.LinearLR(o, start_factor=1.0, end_factor=0.2, total_iters=30))
    case("cosine", 'type = "cosine", length = 59, minimum = 0.01', lambda o: s.CosineAnnealingLR(o, 59, eta_min=0.01))
    case("cosine_restarts", 'type = "cosine", length = 7, restarts = true, minimum = 0.001',
         lambda o: s.CosineAnnealingWarmRestarts(o, 7, eta_min=0.001))
    case("cosine_growing", 'type = "cosine", length = 3, restarts = true, growth = 2, per = "epoch"',
         lambda o: s.CosineAnnealingWarmRestarts(o, 3, T_mult=2), steps=120, epoch_steps=4)
    # Vaswani 2017: units^-0.5 min(n^-0.5, n warmup^-1.5), n from 1
    case("noam", 'type = "noam", units = 64, warmup_steps = 20',
         lambda o: s.LambdaLR(o, lambda n: 64 ** -0.5 * min((n + 1) ** -0.5, (n + 1) * 20 ** -1.5)), base=1.0)
    # Ma, Hovy 2016: eta / (1 + 0.05 t), t epochs completed
    case("inverse_time", 'type = "inverse_time", decay = 0.05', lambda o: s.LambdaLR(o, lambda e: 1 / (1 + 0.05 * e)),
         steps=60, epoch_steps=4, base=0.015)
    # Keras, InverseTimeDecay: rate / (1 + decay floor(step / decay_steps))
    case("inverse_time_staircase", 'type = "inverse_time", decay = 0.7, every = 8, per = "step", staircase = true',
         lambda o: s.LambdaLR(o, lambda n: 1 / (1 + 0.7 * math.floor(n / 8))))
    cycle = dict(total_steps=60, cycle_momentum=False)
    case("one_cycle", 'type = "one_cycle"', lambda o: s.OneCycleLR(o, 0.5, **cycle))
    case("one_cycle_line", 'type = "one_cycle", curve = "linear", rise = 0.41, first_divisor = 10, last_divisor = 100',
         lambda o: s.OneCycleLR(o, 0.5, pct_start=0.41, anneal_strategy="linear", div_factor=10, final_div_factor=100, **cycle))
    case("one_cycle_three_phases", 'type = "one_cycle", three_phases = true',
         lambda o: s.OneCycleLR(o, 0.5, three_phase=True, **cycle))
    # PyTorch waits one evaluation longer for the same patience, and does not act on changes below eps
    plateau = lambda mode, patience, delta, **k: lambda o: s.ReduceLROnPlateau(
        o, mode, patience=patience - 1, threshold=delta, threshold_mode="abs", eps=0, **k)
    down = [3, 2, 1.95, 1.9, 1.89, 1.7, 1.7, 1.8, 1.7, 1.69, 1.6, 1.6, 1.6, 1.6, 1.6]
    case("plateau", 'type = "plateau", factor = 0.5, patience = 2, min_delta = 0.06', plateau("min", 2, 0.06, factor=0.5),
         history=down, **epoch)
    case("plateau_cooldown", 'type = "plateau", patience = 1, cooldown = 2, minimum = 2e-3, min_delta = 0.0',
         plateau("min", 1, 0.0, cooldown=2, min_lr=2e-3), history=down, **epoch)
    up = [0.5, 0.6, 0.6, 0.59, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 0.8, 0.8, 0.8, 0.8]
    case("plateau_up", 'type = "plateau", patience = 3', plateau("max", 3, 1e-4), history=up, higher=1, **epoch)
    return c
