# Fetches an artifact of Weights & Biases. Arguments: its name (ENTITY/PROJECT/NAME:VERSION), and a folder, in which it
# gets a folder of its version. The key comes from the environment. The last line that this prints is JSON.
import json
import os
import re
import sys


def fetch(name, folder):
    try:
        import wandb
    except ImportError as error:
        return {"error": "missing", "message": str(error)}
    try:
        artifact = wandb.Api().artifact(name, type=None)
        if not re.fullmatch(r"v\d+", artifact.version):
            return {"error": "refused", "message": f"its version is {artifact.version!r}, not a number after v"}
        return {"folder": artifact.download(root=os.path.join(folder, artifact.version))}
    except Exception as error:
        return {"error": "refused", "message": f"{type(error).__name__}: {error}"}


print(json.dumps(fetch(*sys.argv[1:])))
