"""DCGAN as a PyTorch user writes it by hand: the baseline of benchmarks/step_time.py. No Keras in it.

As in most tutorials, Adam is PyTorch's default, not its fused form, and the generator's ``backward`` also fills the
gradients of the discriminator, which nobody uses. Channels are last, unlike there: that makes the loop faster.
"""

import torch
from torch import nn

SLOPE = 0.3  # of the Caps trunk's LeakyReLU


def generator(size: int, channels: int) -> nn.Module:
    """The thesis's generator: latents [B, 100] → images [B, channels, size, size], 28 or 64 pixels per side."""
    blocks, base = [], 7 if size == 28 else 8
    widths = ((128, 128), (128, 64), (64, 32))[: 2 if size == 28 else 3]
    for inputs, outputs in widths:
        blocks += [nn.BatchNorm2d(inputs, momentum=0.2), nn.Upsample(scale_factor=2)]
        blocks += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU()]
    first = [nn.Linear(100, 128 * base**2), nn.ReLU(), nn.Unflatten(1, (128, base, base))]
    last = [nn.BatchNorm2d(outputs, momentum=0.2), nn.Conv2d(outputs, channels, 3, padding=1), nn.Tanh()]
    return nn.Sequential(*first, *blocks, *last)


def classical(size: int, channels: int) -> nn.Module:
    """Keras-GAN's DCGAN discriminator: images [B, channels, size, size] → logits [B, 1]."""
    layers, side = [], size
    for filters, stride, normalize in ((32, 2, False), (64, 2, True), (128, 2, True), (256, 1, False)):
        layers.append(nn.Conv2d(channels, filters, 3, stride, padding=1))
        side = -(-side // stride)
        if side == 7:
            layers.append(nn.ZeroPad2d((0, 1, 0, 1)))
            side = 8
        layers += [nn.LeakyReLU(0.2), nn.Dropout(0.25)]
        layers += [nn.BatchNorm2d(filters, momentum=0.2)] if normalize else []
        channels = filters
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * side * side, 1))


class Caps(nn.Module):
    """The thesis's CapsNet discriminator: images [B, channels, size, size] → logits [B, 1]."""

    def __init__(self, size: int, channels: int, width: float = 1.0):
        super().__init__()
        side = (size - 16) // 2  # of the primary capsules
        filters, types = max(1, round(256 * width)), max(1, round(32 * width))
        self.conv1, self.norm1 = nn.Conv2d(channels, filters, 9), nn.BatchNorm2d(filters, momentum=0.2)
        self.primary, self.norm2 = nn.Conv2d(filters, 8 * types, 9, stride=2), nn.BatchNorm1d(8, momentum=0.2)
        self.uhat = nn.Linear(side**2 * 8 * types, 160)
        self.gates = nn.ModuleList(nn.Linear(160, 160) for _ in range(3))
        self.logit = nn.Linear(160, 1)

    def forward(self, images):
        """Images → logits."""
        x = self.norm1(nn.functional.leaky_relu(self.conv1(images), SLOPE))
        x = self.primary(x).flatten(2).transpose(1, 2).reshape(len(images), -1, 8)
        squared = x.square().sum(-1, keepdim=True)
        x = squared / (1 + squared) / torch.sqrt(squared + 1e-7) * x
        u_hat = s = self.uhat(self.norm2(x.transpose(1, 2)).flatten(1))
        for gate in self.gates:
            s = nn.functional.leaky_relu(u_hat * gate(torch.softmax(s, -1)), SLOPE)
        return self.logit(s)


def loop(discriminator: str, width: float, precision: str, images, batch: int, device: str, compiled: bool):
    """A function that does one step: discriminator on a half batch of real, then of generated images, then generator.

    Args:
        discriminator: ``cnn`` or ``caps``.
        width: of the Caps trunk.
        precision: ``float32`` or ``mixed_bfloat16`` (autocast).
        images: uint8 [n, size, size, channels].
        batch: latents of the generator's update.
        device: ``cpu`` or ``cuda``.
        compiled: whether ``torch.compile`` makes graphs of both networks.
    """
    layout = torch.channels_last
    shape = images.shape[2:]
    players = [generator(*shape), Caps(*shape, width) if discriminator == "caps" else classical(*shape)]
    g, d = (player.to(device, memory_format=layout) for player in players)
    g_optimizer, d_optimizer = (torch.optim.Adam(p.parameters(), 2e-4, betas=(0.5, 0.999)) for p in (g, d))
    make, judge = (torch.compile(g), torch.compile(d)) if compiled else (g, d)
    data = torch.as_tensor(images, device=device).permute(0, 3, 1, 2)
    loss = nn.functional.binary_cross_entropy_with_logits
    low = torch.autocast(device, torch.bfloat16, enabled=precision == "mixed_bfloat16")

    def move(optimizer, images, target):
        with low:
            logits = judge(images())
        optimizer.zero_grad()
        loss(logits.float(), torch.full_like(logits, target, dtype=torch.float32)).backward()
        optimizer.step()

    def latents(count):
        return torch.randn(count, 100, device=device)

    def real():
        chosen = data[torch.randint(len(data), (batch // 2,), device=device)]
        return (chosen / 127.5 - 1).contiguous(memory_format=layout)

    def fake():
        with torch.no_grad():
            return make(latents(batch // 2)).float()

    def step():
        move(d_optimizer, real, 1.0)
        move(d_optimizer, fake, 0.0)
        move(g_optimizer, lambda: make(latents(batch)), 1.0)
        if device == "cuda":
            torch.cuda.synchronize()

    return step
