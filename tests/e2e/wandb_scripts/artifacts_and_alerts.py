"""Artifacts, alerts, plots, login, Settings: what hypertop does not keep must not stop a script."""
import os
import tempfile

import wandb

wandb.login(anonymous="allow", relogin=False) if os.environ.get("WANDB_API_KEY") else None
run = wandb.init(project="wandb-scripts", group="g", settings=wandb.Settings(console="off", silent=True), save_code=False)
file = os.path.join(tempfile.mkdtemp(), "data.txt")
with open(file, "w") as out:
    out.write("1,2,3\n")
artifact = wandb.Artifact("numbers", type="dataset", metadata={"rows": 1})
artifact.add_file(file)
run.log_artifact(artifact)
wandb.alert(title="low accuracy", text="below 0.5", level=wandb.AlertLevel.WARN)
for i in range(4):
    wandb.log({"acc": 0.2 * i, "page": wandb.Html("<b>hi</b>")})
name, ident, folder = run.name, run.id, run.dir
assert ident and os.path.isdir(folder)
wandb.finish(exit_code=0)
