"""Trains the embedded prior: a small guided-diffusion UNet on drawn pictures (scenes.py) and crops of photographs
(crops.py).

Open-ended training at a constant rate keeps its state in a file and goes on from it; a cool-down from any state gives
weights to ship, and leaves the state as it was:

    python3 train.py --state state.pt --preset tiny --batch 16 --lr 4e-4
    python3 train.py --state state.pt --cooldown 15 --out prior.safetensors

`--photographs FOLDER` mixes crops of its photographs in, a share of `--share`. `--from prior.safetensors` begins with finished weights in place of random ones. SIGTERM saves and ends. Time is
counted in processor time on a CPU, so a stopped or starved process does not age.

Loss: mean squared error of the noise, plus the variational bound / 1000 for the learned variance
(Nichol and Dhariwal 2021, L_hybrid), linear schedule, 1000 steps. Kept: the exponential moving average of the weights.
On CUDA everything runs under bf16 autocast. On a CPU the convolutions alone take bf16 operands (unet.py), and each core
is a process of one thread with its part of the batch: where other programs take part of a core, the threads of one
process wait for each other, ten times as long as they work.
32 base channels in 32 groups make every top-level norm of `tiny` an instance norm, which costs quality; `small` has
no such norm.
"""

import argparse
import contextlib
import csv
import json
import math
import os
import signal
import time
from multiprocessing import Barrier, Pool

# One thread a process, also for NumPy, which reads this when it is imported.
os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")

import numpy as np
import torch
import torch.multiprocessing as processes
import torch.nn.functional as F

import crops
import scenes
from files import config_of, read_safetensors, write_safetensors
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
SHARD = 500  # pictures made at a time
VALIDATION_SEED = 7


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


def pictures_to_tensor(batch):
    """uint8 [N, 64, 64, 3] -> float [N, 3, 64, 64] in [-1, 1]."""
    return batch.permute(0, 3, 1, 2).float() / 127.5 - 1


class Pictures:
    """A window of the newest shards of an endless sequence of pictures: shard k is drawn from seed and k alone."""

    def __init__(self, seed, images, reuse, batch, shard, share, pool, device):
        self.seed, self.share, self.pool, self.device = seed, share, pool, device
        self.shards = max(1, images // SHARD)
        self.period = max(1, SHARD * reuse // batch)  # steps from one new shard to the next
        self.newest = shard
        jobs = [self.job(k) for k in range(shard, shard + self.shards)]
        self.data = torch.from_numpy(np.concatenate(pool.map(crops.shard, jobs))).to(device)
        self.pending = pool.apply_async(crops.shard, (self.job(shard + self.shards),))

    def job(self, k):
        return self.seed, k, SHARD, self.share

    def advance(self, step):
        """Replaces the oldest shard by a new one once in `period` steps."""
        if step % self.period:
            return
        at = self.newest % self.shards * SHARD
        self.data[at:at + SHARD] = torch.from_numpy(self.pending.get()).to(self.device)
        self.newest += 1
        self.pending = self.pool.apply_async(crops.shard, (self.job(self.newest + self.shards),))

    def draw(self, count):
        x0 = pictures_to_tensor(self.data[torch.randint(len(self.data), (count,), device=self.device)])
        return torch.where(torch.rand(count, 1, 1, 1, device=self.device) < 0.5, x0.flip(3), x0)


class Validation:
    """Mean squared error of the noise on held-out pictures at fixed timesteps and noise."""

    def __init__(self, s, device, pictures):
        rng, count = torch.Generator().manual_seed(VALIDATION_SEED), len(pictures)
        x0 = pictures_to_tensor(torch.from_numpy(pictures))
        t = ((torch.arange(count) + 0.5) * T / count).long()[torch.randperm(count, generator=rng)]
        noise = torch.randn(x0.shape, generator=rng)
        abar = s["abar"].cpu()[t][:, None, None, None]
        xt = abar.sqrt() * x0 + (1 - abar).sqrt() * noise
        self.parts = [[v.to(device) for v in part] for part in zip(xt.split(32), t.split(32), noise.split(32))]

    @torch.no_grad()
    def measure(self, model, weights, amp):
        trained = [p.detach().clone() for p in model.parameters()]
        load(model, weights)
        with amp():
            errors = [F.mse_loss(model(xt, t)[:, :3].float(), noise).item() for xt, t, noise in self.parts]
        load(model, trained)
        return sum(errors) / len(errors)


class Step:
    """Gradient of the loss of one batch, left in `.grad` of the model; `cores` processes share the batch on a CPU."""

    def __init__(self, model, s, batch, device, cores, amp):
        self.model, self.s, self.amp = model, s, amp
        self.net = torch.compile(model) if device == "cuda" else model
        self.layout = torch.channels_last if device == "cuda" else torch.contiguous_format
        self.parts = [slice(k * batch // cores, (k + 1) * batch // cores) for k in range(cores)]
        self.helpers = []
        if cores == 1:
            return
        model.share_memory()
        self.x0, self.noise = (torch.empty(batch, 3, 64, 64).share_memory_() for _ in range(2))
        self.t = torch.empty(batch, dtype=torch.long).share_memory_()
        self.gradients = torch.empty(cores, sum(p.numel() for p in model.parameters())).share_memory_()
        self.barrier = Barrier(cores)
        for k in range(1, cores):
            helper = processes.get_context("fork").Process(target=self.help, args=(k,), daemon=True)
            helper.start()
            self.helpers.append(helper)

    def help(self, k):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        while True:
            self.barrier.wait()
            self.part(k)
            self.barrier.wait()

    def part(self, k):
        at = self.parts[k]
        mse = self.backward(self.x0[at], self.t[at], self.noise[at])
        torch.cat([p.grad.flatten() for p in self.model.parameters()], out=self.gradients[k])
        return mse

    def backward(self, x0, t, noise):
        abar = self.s["abar"][t][:, None, None, None]
        xt = (abar.sqrt() * x0 + (1 - abar).sqrt() * noise).contiguous(memory_format=self.layout)
        with self.amp():
            eps, v = self.net(xt, t).float().chunk(2, dim=1)
        mse = F.mse_loss(eps, noise)
        bound = variational_bound(self.s, x0, xt, t, eps.detach(), v).mean() * T / 1000
        for p in self.model.parameters():
            p.grad = None
        (mse + bound).backward()
        return mse.detach()

    def __call__(self, x0, t, noise):
        """-> mean squared error; in the part of the first process where there are several."""
        if not self.helpers:
            return self.backward(x0, t, noise)
        self.x0.copy_(x0), self.t.copy_(t), self.noise.copy_(noise)
        self.barrier.wait()
        mse = self.part(0)
        self.barrier.wait()
        mean, at = self.gradients.mean(dim=0), 0
        for p in self.model.parameters():
            p.grad.copy_(mean[at:at + p.numel()].view_as(p))
            at += p.numel()
        return mse


@torch.no_grad()
def load(model, weights):
    for p, w in zip(model.parameters(), weights):
        p.copy_(w)


def parse():
    ap = argparse.ArgumentParser()
    ap.add_argument("--out", help="weights to write (the average), float16 safetensors")
    ap.add_argument("--state", help="training state: read if it exists, written every five minutes and at the end")
    ap.add_argument("--from", dest="start", help="weights to begin with where there is no state")
    ap.add_argument("--minutes", type=float, default=math.inf, help="minutes in all, earlier runs included")
    ap.add_argument("--cooldown", type=float, help="minutes in which the rate falls to zero; the state is only read")
    ap.add_argument("--preset", choices=PRESETS, default="tiny")
    ap.add_argument("--images", type=int, default=16_000, help="pictures in memory at a time")
    ap.add_argument("--reuse", type=int, default=4, help="uses of a picture before a new one takes its place")
    ap.add_argument("--batch", type=int, default=16)
    ap.add_argument("--photographs", help="folder of photographs.py; none: drawn pictures alone")
    ap.add_argument("--share", type=float, default=0.7, help="part of the pictures that are crops of photographs")
    ap.add_argument("--lr", type=float, default=4e-4)
    ap.add_argument("--ema", type=float, help="decay of the average (0.9995; 0.998 in a cool-down)")
    ap.add_argument("--workers", type=int, default=os.cpu_count(), help="processes that draw pictures")
    ap.add_argument("--cores", type=int, default=os.cpu_count(), help="processes that share a batch on a CPU")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--every", type=int, default=250, help="steps from one line of the log to the next")
    a = ap.parse_args()
    if a.out is None and a.state is None:
        ap.error("one of --out and --state is needed")
    if a.cooldown is not None and (a.state is None or a.out is None):
        ap.error("--cooldown needs --state and --out")
    return a


def main():
    a = parse()
    if a.photographs:
        crops.training = crops.Crops(a.photographs, "training")
    pool = Pool(a.workers)  # before the first thread of PyTorch
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
        torch.backends.cudnn.benchmark = True
        layout, clock, cores = torch.channels_last, time.time, 1
        amp = lambda: torch.autocast("cuda", dtype=torch.bfloat16)
    else:
        layout, clock, cores = torch.contiguous_format, time.process_time, a.cores
        amp = contextlib.nullcontext
        torch.set_num_threads(1)
        torch.set_flush_denormal(True)
    s = schedule(device)
    torch.manual_seed(a.seed)
    model = UNetModel(**PRESETS[a.preset]).to(device, memory_format=layout)
    opt = torch.optim.AdamW(model.parameters(), lr=a.lr, betas=(0.9, 0.99), weight_decay=0.0)
    step = seen = shard = 0
    before = 0.0  # minutes of earlier runs
    ema = None
    if a.state and os.path.exists(a.state):
        state = torch.load(a.state, map_location=device)
        step, seen, shard, before, ema = (state[k] for k in ("step", "seen", "shard", "minutes", "ema"))
        load(model, state["model"])
        opt.load_state_dict(state["opt"])
        torch.manual_seed(a.seed + step)
    elif a.start:
        tensors, metadata = read_safetensors(a.start)
        load(model, [tensors[name].to(device) for name, _ in model.named_parameters()])
        record = json.loads(metadata.get("training", "{}"))
        step, before = record.get("steps", 0), record.get("minutes", 0.0)
        seen = step * record.get("batch", a.batch)
    first = step
    ema = ema or [p.detach().clone() for p in model.parameters()]
    gradient = Step(model, s, a.batch, device, cores, amp)
    share = a.share if a.photographs else 0
    pictures = Pictures(a.seed, a.images, a.reuse, a.batch, shard, share, pool, device)
    validations = [Validation(s, device, scenes.shard((VALIDATION_SEED, 0, 128)))]
    if a.photographs:
        rng, others = np.random.default_rng(VALIDATION_SEED), crops.Crops(a.photographs, "validation")
        validations.append(Validation(s, device, np.stack([others.sample(rng) for _ in range(256)])))
    end = a.minutes if a.cooldown is None else before + a.cooldown
    log_path = os.path.splitext(a.state or a.out)[0] + ("-cooldown.csv" if a.cooldown else ".csv")
    errors, began, saved = [], clock(), time.time()

    def save():
        if a.state and a.cooldown is None:
            torch.save(dict(step=step, seen=seen, shard=pictures.newest, minutes=minutes, ema=ema,
                            model=[p.detach() for p in model.parameters()], opt=opt.state_dict()), a.state + ".tmp")
            os.replace(a.state + ".tmp", a.state)

    while not ended and (minutes := before + (clock() - began) / 60) < end:
        x0 = pictures.draw(a.batch)
        # One timestep of every sixteenth (with a batch of 16), so that batches differ less in how hard they are.
        t = ((torch.randperm(a.batch, device=device) + torch.rand(a.batch, device=device)) * T / a.batch).long()
        noise = torch.randn_like(x0)
        mse = gradient(x0, t, noise)
        rate = a.lr * min(1, (step - first + 1) / 100)
        if a.cooldown is not None:
            rate = a.lr * (end - minutes) / a.cooldown
        for group in opt.param_groups:
            group["lr"] = rate
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        step, seen = step + 1, seen + a.batch
        pictures.advance(step)
        decay = min(a.ema or (0.9995 if a.cooldown is None else 0.998), (1 + step) / (10 + step))
        with torch.no_grad():
            torch._foreach_lerp_(ema, list(model.parameters()), 1 - decay) if device == "cuda" else [
                e.lerp_(p, 1 - decay) for e, p in zip(ema, model.parameters())]
        errors.append(mse)
        if step % a.every == 0:
            with open(log_path, "a", newline="") as f:
                held_out = [f"{v.measure(model, ema, amp):.6f}" for v in validations]
                csv.writer(f, lineterminator="\n").writerow([
                    step, seen, f"{minutes:.2f}", f"{rate:.3g}", f"{torch.stack(errors).mean():.6f}", *held_out])
            errors = []
        if time.time() - saved > 300:
            save()
            saved = time.time()
    minutes = before + (clock() - began) / 60
    save()
    if a.out:
        errors = [v.measure(model, ema, amp) for v in validations]
        record = dict(steps=step, batch=a.batch, pictures=seen, minutes=round(minutes, 1), seed=a.seed,
                      validation_mse=errors[0], torch=torch.__version__)
        if a.photographs:
            record.update(share_of_photographs=share, validation_mse_photographs=errors[1])
        load(model, ema)
        write_safetensors(a.out, dict(model.named_parameters()), dict(
            format="pt", config=json.dumps(config_of(PRESETS[a.preset], T)), training=json.dumps(record)))
        print(json.dumps(record), flush=True)
    pool.close()
    pool.join()


if __name__ == "__main__":
    main()
