"""Training steps of U-Nets beside PyTorch: time and memory, in turn, on the same number of threads. Used by
scripts/unet_speed.sh; writes the table in Markdown to standard output.

    unet.py --bench PROGRAM --python PYTHON [--rounds N] [--seconds S] [--threads N]

Each round times gdiff, PyTorch (with its memory in channels_last, and contiguous), and gdiff's candle graph where that is asked
for, in processes of their own. The ratio is the median over the rounds of the ratio within a round.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

CASES = [
    ("8 x 8, 16 channels (1, 2), 1 block, batch 64", dict(image=[1, 8, 8], channels=16, multipliers=[1, 2], blocks=1, groups=4, batch=64)),
    ("28 x 28, 32 channels (1, 2, 2), 2 blocks, batch 64", dict(image=[1, 28, 28], channels=32, multipliers=[1, 2, 2], blocks=2, groups=8, batch=64)),
    ("32 x 32 x 3, 64 channels (1, 2, 2), 2 blocks, batch 32", dict(image=[3, 32, 32], channels=64, multipliers=[1, 2, 2], blocks=2, groups=8, batch=32)),
]


def peer(case, layout, seconds):
    """This program's own side in a process of its own: PyTorch."""
    import resource
    import time

    import torch
    from unet_peer import UNet, encoding

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    torch.manual_seed(0)
    net = UNet(case["image"], case["channels"], case["multipliers"], case["blocks"], groups=case["groups"])
    memory = torch.channels_last if layout == "channels_last" else torch.contiguous_format
    net = net.to(memory_format=memory)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)

    def step():
        x, eps = (torch.randn(case["batch"], *case["image"]).to(memory_format=memory) for _ in range(2))
        e = encoding(torch.randint(1, 1001, (case["batch"],)), 1000, case["channels"])
        loss = torch.nn.functional.mse_loss(net(x, e), eps)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    step()
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    times, begun = [], time.perf_counter()
    while not times or time.perf_counter() - begun < seconds:
        clock = time.perf_counter()
        step()
        times.append(time.perf_counter() - clock)
    print(json.dumps({"ms": 1e3 * statistics.median(times), "mib": (after - before) / 1024, "version": torch.__version__}))


def ours(bench, case, path, seconds):
    keys = {k: ",".join(map(str, v)) if isinstance(v, list) else v for k, v in case.items()}
    request = "unet " + " ".join(f"{k}={v}" for k, v in keys.items()) + f" path={path} seconds={seconds}"
    out = subprocess.run([bench, request], check=True, capture_output=True, text=True).stdout
    answer = json.loads(out.strip().splitlines()[-1])
    return {"ms": answer["microseconds"] / 1e3, "mib": answer["peak_rise_mib"], "operations": answer["operations"]}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bench")
    parser.add_argument("--python")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--command", default="scripts/unet_speed.sh")
    parser.add_argument("--peer", nargs=2)
    options = parser.parse_args()
    if options.peer:
        return peer(json.loads(options.peer[0]), options.peer[1], options.seconds)
    os.environ["RAYON_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = str(options.threads)

    def theirs(case, layout):
        arguments = [options.python, __file__, "--seconds", str(options.seconds), "--peer", json.dumps(case), layout]
        return json.loads(subprocess.run(arguments, check=True, capture_output=True, text=True).stdout)

    print("# A training step of a U-Net beside PyTorch\n")
    print(f"`{options.command}`: {options.rounds} rounds in turn on {options.threads} threads; milliseconds are medians, ratios the "
          "median (smallest .. largest) of the ratios within a round; memory is what the first step adds, MiB.\n")
    print("| network | gdiff | GFLOP/s | PyTorch channels_last | PyTorch contiguous | gdiff / channels_last | gdiff / the faster |"
          " candle graph / gdiff | memory gdiff | memory PyTorch |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    version = ""
    for name, case in CASES:
        rows = []
        for _ in range(options.rounds):
            rows.append((ours(options.bench, case, "fused", options.seconds), theirs(case, "channels_last"), theirs(case, "contiguous")))
        graph = ours(options.bench, case, "graph", options.seconds)
        version = rows[0][1]["version"]
        median = lambda f: statistics.median(map(f, rows))  # noqa: E731

        def ratio(f):
            values = sorted(map(f, rows))
            return f"{statistics.median(values):.2f} ({values[0]:.2f} .. {values[-1]:.2f})"

        mine = median(lambda r: r[0]["ms"])
        print(f"| {name} | {mine:.1f} | {rows[0][0]['operations'] / mine / 1e6:.0f} | {median(lambda r: r[1]['ms']):.1f} | "
              f"{median(lambda r: r[2]['ms']):.1f} | {ratio(lambda r: r[0]['ms'] / r[1]['ms'])} | "
              f"{ratio(lambda r: r[0]['ms'] / min(r[1]['ms'], r[2]['ms']))} | {graph['ms'] / mine:.1f} | "
              f"{rows[0][0]['mib']:.0f} | {min(rows[0][1]['mib'], rows[0][2]['mib']):.0f} |", flush=True)
    print(f"\nPyTorch {version}.")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    main()
