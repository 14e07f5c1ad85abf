"""Times of Tenon's training steps and forward passes, taken within the whole of `tenon train` by the schedule
bench/stopwatch.c and the metric bench/forward_watch.c."""
import os, statistics, subprocess, sys, tempfile

LOSE = 5                                 # first steps that are not counted


def train(build, file, threads, folder, variable, settings):
    """Runs `tenon train`; the lines that a watch wrote, as numbers."""
    watch = os.path.join(folder, "times")
    done = subprocess.run(
        [os.path.join(build, "tenon"), "train", file, "--quiet", "--run", os.path.join(folder, "run"), "--threads", str(threads),
         "--plugin-path", os.path.join(build, "bench", "plugins")] + [word for s in settings for word in ("--set", s)],
        env={**os.environ, variable: watch}, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"tenon: {done.stderr.strip()}")
    with open(watch) as f:
        return [[float(x) for x in line.split()] for line in f][LOSE:]


def times(build, file, threads, steps, settings=()):
    """(median, min, built, waited): milliseconds of a step without waiting for its batch; medians of what building the batch
    took, and of what of that the step waited for: all of it on one thread, on more it is built beside the step before."""
    with tempfile.TemporaryDirectory() as folder:
        rows = train(build, file, threads, folder, "STOPWATCH",
                     [f"training.max_steps={steps}", "training.epochs=1000000", "schedule.type=stopwatch", *settings])
        ms = [step - waited for step, waited, _ in rows]
        return statistics.median(ms), min(ms), statistics.median(r[2] for r in rows), statistics.median(r[1] for r in rows)


def forward_times(build, file, threads, batches, batch, settings=()):
    """(median, min): milliseconds of a batch of an evaluation, waiting for it and its loss included."""
    with tempfile.TemporaryDirectory() as folder:
        experiment = os.path.join(folder, "forward.toml")
        with open(experiment, "w") as f:
            f.write(f'extends = "{os.path.abspath(file)}"\n[dataset]\nvalidation = {batches * batch}\n'
                    f'[evaluation]\nbatch_size = {batch}\n[[metric]]\ntype = "forward_watch"\n')
        ms = [row[0] for row in train(build, experiment, threads, folder, "FORWARD_WATCH", ["training.max_steps=1", *settings])]
        return statistics.median(ms), min(ms)
