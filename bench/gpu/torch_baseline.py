"""PyTorch on a CUDA device: times of the networks that the benchmark measures, and the ceilings of the card.

    python3 torch_baseline.py [--seconds 240] [--networks unet-64,ffhq,imagenet-256] [--layouts nchw,channels_last]

Prints one JSON object a line: the bandwidth of a copy, the rate of a large product, then for each network, precision
(fp32 without tf32, tf32, fp16), memory layout and mode (eager, compiled) the median time of a forward pass with random
weights, its rate on direct FLOPs, and the peak memory. Eager passes come first, as compiling takes minutes; nothing is
started after the given time. The network is tools/prior/unet.py. Exit code 4: PyTorch with CUDA is not there.
"""

import argparse
import json
import pathlib
import statistics
import sys
import time

try:
    import torch
except ModuleNotFoundError:
    print("error: PyTorch is not installed", file=sys.stderr)
    sys.exit(4)

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools" / "prior"))
from unet import AttentionBlock, UNetModel  # noqa: E402

NETWORKS = {
    "unet-64": dict(image_size=64, model_channels=64, channel_mult=(1, 2, 2, 2), num_res_blocks=1,
                    attention_resolutions=(4, 8), num_head_channels=32),
    "ffhq": dict(image_size=256, model_channels=128, channel_mult=(1, 1, 2, 2, 4, 4), num_res_blocks=1,
                 attention_resolutions=(16,), num_head_channels=64),
    "imagenet-256": dict(image_size=256, model_channels=256, channel_mult=(1, 1, 2, 2, 4, 4), num_res_blocks=2,
                         attention_resolutions=(8, 16, 32), num_head_channels=64),
}
PRECISIONS = {"fp32": torch.float32, "tf32": torch.float32, "fp16": torch.float16}
LAYOUTS = {"nchw": torch.contiguous_format, "channels_last": torch.channels_last}


def show(**row):
    print(json.dumps(row), flush=True)


def milliseconds(run, least_seconds=0.6, warm_up=3):
    """Median time of a call on the device, over at least five calls."""
    for _ in range(warm_up):
        run()
    times, began = [], time.monotonic()
    while len(times) < 5 or time.monotonic() - began < least_seconds:
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        run()
        end.record()
        torch.cuda.synchronize()
        times.append(start.elapsed_time(end))
    return statistics.median(times)


def set_precision(name):
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = name == "tf32"
    return PRECISIONS[name]


def show_ceilings():
    source = torch.empty(2**30, dtype=torch.float32, device="cuda")
    target = torch.empty_like(source)
    gigabytes = 2 * source.numel() * source.element_size() / 1e9
    show(what="copy", gb_per_s=gigabytes / milliseconds(lambda: target.copy_(source)) * 1e3,
         card=torch.cuda.get_device_name(0), torch=torch.__version__)
    del source, target
    for precision in PRECISIONS:
        dtype = set_precision(precision)
        a, b = (torch.randn(8192, 8192, device="cuda", dtype=dtype) for _ in range(2))
        show(what="matmul 8192", precision=precision, tflops=2 * 8192**3 / milliseconds(lambda: a @ b) / 1e9)


def make_network(name):
    """A network whose zero-initialised layers are random too, as they would be after training."""
    torch.manual_seed(0)
    with torch.device("cuda"):  # half a billion values are drawn faster there
        net = UNetModel(**NETWORKS[name]).eval()
    for parameter in net.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.02)
    return net


def direct_flops(net, *inputs):
    """Two per multiply-add of convolutions, linear layers and attention products."""
    total = 0

    def count(module, _inputs, output):
        nonlocal total
        if isinstance(module, AttentionBlock):
            batch, channels, height, width = output.shape
            total += 4 * batch * channels * (height * width) ** 2
        else:
            total += 2 * output.numel() * module.weight[0].numel()

    counted = (AttentionBlock, torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Linear)
    hooks = [m.register_forward_hook(count) for m in net.modules() if isinstance(m, counted)]
    net(*inputs)
    for hook in hooks:
        hook.remove()
    return total


def measure(name, precision, layout, mode):
    dtype = set_precision(precision)
    size = NETWORKS[name]["image_size"]
    net = make_network(name)
    inputs = (torch.randn(1, 3, size, size, device="cuda"), torch.tensor([321], device="cuda"))
    flops = direct_flops(net, *inputs)
    parameters = sum(p.numel() for p in net.parameters())
    net = net.to(dtype=dtype, memory_format=LAYOUTS[layout])
    image = inputs[0].to(dtype=dtype, memory_format=LAYOUTS[layout])
    forward = torch.compile(net) if mode == "compiled" else net
    torch.cuda.reset_peak_memory_stats()
    began = time.monotonic()
    forward(image, inputs[1])
    torch.cuda.synchronize()
    first = time.monotonic() - began
    ms = milliseconds(lambda: forward(image, inputs[1]))
    show(what="network", network=name, precision=precision, layout=layout, mode=mode, parameters=parameters,
         gflop=flops / 1e9, ms=ms, tflops=flops / ms / 1e9, first_seconds=first,
         peak_bytes=torch.cuda.max_memory_allocated())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=240, help="start nothing after this time")
    parser.add_argument("--networks", default=",".join(NETWORKS), help="comma-separated names")
    parser.add_argument("--layouts", default=",".join(LAYOUTS), help="comma-separated memory layouts of eager passes")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        print("error: PyTorch finds no CUDA device", file=sys.stderr)
        sys.exit(4)
    deadline = time.monotonic() + options.seconds
    names = options.networks.split(",")
    runs = [(name, precision, layout, "eager") for name in names for precision in PRECISIONS
            for layout in options.layouts.split(",")]
    runs += [(name, precision, "channels_last", "compiled") for name in names for precision in PRECISIONS]
    torch.backends.cudnn.benchmark = True
    with torch.no_grad():
        show_ceilings()
        for run in runs:
            if time.monotonic() > deadline:
                show(what="skipped", run=run)
                continue
            try:
                measure(*run)
            except Exception as error:  # one combination that does not work must not end the others
                show(what="failed", run=run, error=str(error)[:300])
            torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
