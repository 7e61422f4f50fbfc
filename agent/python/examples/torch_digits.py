"""A PyTorch classifier of small made-up digits; learning rate and weight decay change while it trains.

    hypertop-agent exec -- python torch_digits.py            and in another terminal: hypertop send set lr=0.01 0
"""

import torch

import hypertop
import hypertop.torch

GLYPHS = ["01110 10001 10001 10001 01110", "00100 01100 00100 00100 01110", "11110 00001 01110 10000 11111"]


def digits(count: int, seed: int) -> "tuple[torch.Tensor, torch.Tensor]":
    """Noisy 5x5 pictures of 0, 1 and 2, and which is which."""
    noise = torch.Generator().manual_seed(seed)
    shapes = torch.tensor([[float(c) for c in g.replace(" ", "")] for g in GLYPHS])
    labels = torch.randint(0, len(GLYPHS), (count,), generator=noise)
    return shapes[labels] + 0.6 * torch.randn(count, 25, generator=noise), labels


def main() -> None:
    torch.manual_seed(0)
    train, test = digits(2000, 1), digits(500, 2)
    with hypertop.init("torch-digits") as trial:
        width = trial.int("width", 8, 256, default=32, log=True)
        steps = trial.int("steps", 10, 1_000_000, default=400)
        model = torch.nn.Sequential(torch.nn.Linear(25, width), torch.nn.ReLU(), torch.nn.Linear(width, len(GLYPHS)))
        optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-2)
        hypertop.torch.live(optimizer)  # the one line

        @trial.on_checkpoint
        def save(step: int) -> str:
            path = f"torch-digits-{step}.pt"
            torch.save(model.state_dict(), path)
            return path

        for step in range(steps):
            rows = torch.randint(0, 2000, (64,))
            loss = torch.nn.functional.cross_entropy(model(train[0][rows]), train[1][rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            trial.log({"loss": loss, "lr": optimizer.param_groups[0]["lr"]}, step=step)
            if step % 50 == 49:
                with torch.no_grad():
                    error = (model(test[0]).argmax(1) != test[1]).float().mean().item()
                if trial.report(error, step=step):
                    break
            if trial.stopped:
                break


if __name__ == "__main__":
    main()
