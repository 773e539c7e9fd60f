"""Trains the embedded prior: a small guided-diffusion UNet on procedural images (scenes.py).

    python3 train.py --out prior.safetensors --minutes 8 --preset small

Runs on CUDA (bf16 autocast) where there is one; else on the CPU in float32: PyTorch 1.13's bf16
is faster there but does not learn (its channels-last group norm is plainly wrong, and the NCHW form
drifts to zero output). 32 base channels in 32 groups make every top-level norm of `tiny` an instance norm, which
costs quality; `small` has no such norm.
`--resume FILE` keeps a training checkpoint and goes on from it. Writes the exponential moving average of
the weights as float16 safetensors, parameter names as in openai/guided-diffusion, with the
architecture and the training record in `__metadata__`, and a grid of unconditional samples as PNG.
Loss: mean squared error of the noise, plus the variational bound / 1000 for the learned variance
(Nichol and Dhariwal 2021, L_hybrid), linear schedule, 1000 steps.
"""

import argparse
import contextlib
import json
import math
import os
import struct
import time

import numpy as np
import torch
import torch.nn.functional as F

import scenes
from unet import UNetModel

PRESETS = {
    # 4.5 M parameters, 9.0 MB in float16: the prior that ships
    "tiny": dict(image_size=64, model_channels=32, channel_mult=(1, 2, 3, 4), num_res_blocks=1,
                 attention_resolutions=(4, 8), num_head_channels=32),
    # 7.8 M parameters, 9.7 GFLOP a forward, 15.7 MB in float16
    "small": dict(image_size=64, model_channels=64, channel_mult=(1, 2, 2, 2), num_res_blocks=1,
                  attention_resolutions=(4, 8), num_head_channels=32),
}
T = 1000


def schedule(device):
    beta = np.linspace(1e-4, 0.02, T, dtype=np.float64)
    abar = np.cumprod(1 - beta)
    prev = np.append(1.0, abar[:-1])
    var = beta * (1 - prev) / (1 - abar)
    table = dict(abar=abar, log_beta=np.log(beta), log_var=np.log(np.append(var[1], var[1:])),
                 c0=beta * np.sqrt(prev) / (1 - abar), ct=(1 - prev) * np.sqrt(1 - beta) / (1 - abar))
    return {k: torch.tensor(v, dtype=torch.float32, device=device) for k, v in table.items()}


def cdf(x):
    return 0.5 * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def variational_bound(s, x0, xt, t, eps, v):
    """KL(q || p) per image in bits; at t = 0 the discretised likelihood. eps is detached."""
    e = lambda name: s[name][t][:, None, None, None]
    frac = (v + 1) / 2
    log_var = frac * e("log_beta") + (1 - frac) * e("log_var")
    pred = ((xt - (1 - e("abar")).sqrt() * eps) / e("abar").sqrt()).clamp(-1, 1)
    mean, true = e("c0") * pred + e("ct") * xt, e("c0") * x0 + e("ct") * xt
    kl = 0.5 * (-1 + log_var - e("log_var") + (e("log_var") - log_var).exp() + (true - mean) ** 2 * (-log_var).exp())
    inv = (-0.5 * log_var).exp()
    hi, lo = cdf(inv * (x0 - mean + 1 / 255)), cdf(inv * (x0 - mean - 1 / 255))
    nll = -torch.where(x0 < -0.999, hi, torch.where(x0 > 0.999, 1 - lo, hi - lo)).clamp(min=1e-12).log()
    return torch.where((t == 0)[:, None, None, None], nll, kl).mean(dim=(1, 2, 3)) / math.log(2)


def write_safetensors(path, tensors, metadata):
    header, offset, blobs = {"__metadata__": metadata}, 0, []
    for name, value in tensors.items():
        data = value.detach().cpu().to(torch.float16).numpy().tobytes()
        header[name] = dict(dtype="F16", shape=list(value.shape), data_offsets=[offset, offset + len(data)])
        offset += len(data)
        blobs.append(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path + ".tmp", "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))
    os.replace(path + ".tmp", path)


@torch.no_grad()
def sample_grid(model, s, device, path, n=64, steps=100):
    torch.manual_seed(1)
    x = torch.randn(n, 3, 64, 64, device=device)
    times = np.linspace(0, T - 1, steps).round().astype(int)[::-1]
    for i, t in enumerate(times):
        a = s["abar"][t]
        p = s["abar"][times[i + 1]] if i + 1 < steps else torch.tensor(1.0, device=device)
        eps = model(x, torch.full((n,), int(t), device=device))[:, :3].float()
        x0 = ((x - (1 - a).sqrt() * eps) / a.sqrt()).clamp(-1, 1)
        x = p.sqrt() * x0 + (1 - p).sqrt() * (x - a.sqrt() * x0) / (1 - a).sqrt()
    side = int(n**0.5)
    grid = ((x.clamp(-1, 1) + 1) * 127.5).round().byte().cpu().numpy()
    grid = grid.reshape(side, side, 3, 64, 64).transpose(0, 3, 1, 4, 2).reshape(side * 64, side * 64, 3)
    from PIL import Image
    Image.fromarray(grid).save(path)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--out", required=True)
    ap.add_argument("--minutes", type=float, default=8)
    ap.add_argument("--preset", choices=PRESETS, default="small")
    ap.add_argument("--images", type=int, default=200_000)
    ap.add_argument("--batch", type=int, default=512)
    ap.add_argument("--lr", type=float, default=6e-4)
    ap.add_argument("--workers", type=int, default=os.cpu_count())
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--resume", help="training checkpoint: read if it exists, written every ten minutes")
    a = ap.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(a.seed)
    if device == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
        torch.backends.cudnn.benchmark = True
    began = time.time()
    data = torch.from_numpy(scenes.bank(a.seed, a.images, a.workers))
    print(f"{len(data)} images in {time.time() - began:.0f} s", flush=True)
    data = data.to(device)
    s = schedule(device)
    layout = torch.channels_last if device == "cuda" else torch.contiguous_format
    model = UNetModel(**PRESETS[a.preset]).to(device, memory_format=layout)
    master = [p.detach().float().clone() for p in model.parameters()]
    ema = [p.clone() for p in master]
    opt = torch.optim.AdamW(master, lr=a.lr, betas=(0.9, 0.99), weight_decay=0.0)
    step, spent_before, log = 0, 0.0, []
    if a.resume and os.path.exists(a.resume):
        state = torch.load(a.resume, map_location=device)
        step, spent_before = state["step"], state["spent"]
        for kept, now in ((state["master"], master), (state["ema"], ema)):
            for old, new in zip(kept, now):
                new.copy_(old)
        opt.load_state_dict(state["opt"])
    net = torch.compile(model) if device == "cuda" else model
    warmup = 500 if device == "cuda" else 100
    began = saved = time.time()
    while (spent := spent_before + time.time() - began) < 60 * a.minutes:
        with torch.no_grad():
            for p, w in zip(model.parameters(), master):
                p.copy_(w)
        x0 = data[torch.randint(len(data), (a.batch,), device=device)].permute(0, 3, 1, 2).float() / 127.5 - 1
        x0 = torch.where(torch.rand(a.batch, 1, 1, 1, device=device) < 0.5, x0.flip(3), x0)
        t = torch.randint(T, (a.batch,), device=device)
        noise = torch.randn_like(x0)
        abar = s["abar"][t][:, None, None, None]
        xt = (abar.sqrt() * x0 + (1 - abar).sqrt() * noise).contiguous(memory_format=layout)
        with torch.autocast("cuda", dtype=torch.bfloat16) if device == "cuda" else contextlib.nullcontext():
            eps, v = net(xt, t).float().chunk(2, dim=1)
        mse = F.mse_loss(eps, noise)
        loss = mse + variational_bound(s, x0, xt, t, eps.detach(), v).mean() * T / 1000
        frac = spent / (60 * a.minutes)
        for g in opt.param_groups:  # warm-up, flat, cosine to zero over the last 40 %
            g["lr"] = a.lr * min(1, (step + 1) / warmup) * (1 if frac < 0.6 else 0.5 + 0.5 * math.cos(math.pi * (frac - 0.6) / 0.4))
        model.zero_grad(set_to_none=True)
        loss.backward()
        for w, p in zip(master, model.parameters()):
            w.grad = p.grad.float()
        torch.nn.utils.clip_grad_norm_(master, 1.0)
        opt.step()
        step += 1
        decay = min(0.9995, (1 + step) / (10 + step))
        with torch.no_grad():
            for e, w in zip(ema, master):
                e.lerp_(w, 1 - decay)
        log.append(mse.detach())
        if step % (500 if device == "cuda" else 50) == 0:
            print(f"step {step} {spent:.0f} s mse {torch.stack(log[-200:]).mean():.5f}", flush=True)
        if a.resume and time.time() - saved > 600:
            torch.save(dict(step=step, spent=spent, master=master, ema=ema, opt=opt.state_dict()), a.resume)
            saved = time.time()
    model = model.eval()
    with torch.no_grad():
        for p, e in zip(model.parameters(), ema):
            p.copy_(e)
    p = PRESETS[a.preset]
    config = dict(architecture="guided-diffusion", image_size=64, in_channels=3, out_channels=6, learn_sigma=True,
                  model_channels=p["model_channels"], channel_mult=list(p["channel_mult"]),
                  num_res_blocks=p["num_res_blocks"], attention_resolutions=list(p["attention_resolutions"]),
                  num_head_channels=p["num_head_channels"], use_scale_shift_norm=True, resblock_updown=True,
                  use_new_attention_order=False, noise_schedule="linear", diffusion_steps=T)
    record = dict(steps=step, batch=a.batch, images=len(data), minutes=a.minutes, seed=a.seed,
                  final_mse=float(torch.stack(log[-500:]).mean()))
    write_safetensors(a.out, dict(model.named_parameters()),
                      dict(format="pt", config=json.dumps(config), training=json.dumps(record)))
    sample_grid(model, s, device, os.path.splitext(a.out)[0] + "-samples.png")
    print(json.dumps(record), flush=True)


if __name__ == "__main__":
    main()
