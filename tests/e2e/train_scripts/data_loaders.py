"""64 forked data loader workers of torch: inert, values kept, parent's points whole."""
import torch, hypertop
trial = hypertop.init("loaders"); lr = trial.float("lr", 0, 1, default=0.5, live=True)
class D(torch.utils.data.Dataset):
    def __len__(self): return 640
    def __getitem__(self, i):
        trial.log({"loss": -1.0}, step=i)
        return torch.tensor([float(trial.live), trial.lr])
n = 0
for k, b in enumerate(torch.utils.data.DataLoader(D(), batch_size=10, num_workers=64)):
    n += int((b[:, 0] == 0).all() and (b[:, 1] == 0.5).all()); trial.log({"loss": float(k)}, step=k)
print("inert batches", n, "of 64, live", trial.live, "flushed", trial.flush(20), "dropped", trial.dropped)
