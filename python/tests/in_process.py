"""Greedy answers of mlx-lm itself, in this process: the reference that the workers are compared with.

Arguments: model folder, file of prompts (one JSON object with messages a line). Prints one line of token ids for each.
"""

import json
import sys
from pathlib import Path

from mlx_lm import load, stream_generate

model, tokenizer = load(sys.argv[1])
for line in Path(sys.argv[2]).read_text(encoding="utf-8").splitlines():
    prompt = json.loads(line)
    if "tools" not in prompt:
        text = tokenizer.apply_chat_template(prompt["messages"], tokenize=False, add_generation_prompt=True)
        responses = list(stream_generate(model, tokenizer, text, max_tokens=1024))
        tokens = [r.token for r in responses if r.token not in tokenizer.eos_token_ids]
        print(json.dumps(tokens))
