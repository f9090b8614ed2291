"""Trains the small chat model and writes it as a Hugging Face model folder.

Usage: python -m fixture_model.make OUT_DIR   (in the hf environment: torch and transformers)

The model is a llama of 1.8M parameters (float32, context 4096) over a byte-level BPE of 1,024 tokens. Training goes
on until the greedy choices on the test prompts lead the runner-up by at least ``MARGIN`` in the logits, so that
floating-point differences between engines can't change a token.
"""

import argparse
import hashlib
import json
import math
import random
import shutil
import time
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from fixture_model import corpus

SEED = 20261121
VOCAB = 1024
CONTEXT = 4096
ROW = 640  # tokens in a training row
ROWS = 5  # rows in a step
LEARNING_RATE = 4e-3
REFINEMENTS = 6  # rounds of further training on what is weak
MARGIN = 1.0  # smallest accepted lead of a greedy choice, in logits
END, START, STOP = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
MARKS = ["<think>", "</think>", "<tool_call>", "</tool_call>"]
HERE = Path(__file__).parent


def make_tokenizer(texts, vocabulary=VOCAB):
    """A byte-level BPE of ``vocabulary`` tokens trained on the corpus, with the chat template."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    bpe.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=vocabulary - len(MARKS),
            special_tokens=[END, START, STOP],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        eos_token=STOP,
        pad_token=END,
        additional_special_tokens=[START],
        model_max_length=CONTEXT,
        clean_up_tokenization_spaces=False,
    )
    tokenizer.add_tokens(MARKS)  # kept in decoded text, unlike special tokens
    tokenizer.chat_template = (HERE / "chat_template.jinja").read_text(encoding="utf-8")
    return tokenizer


def render(tokenizer, conversation, generate=False):
    """The text of a conversation; with ``generate`` it ends where the assistant is to speak."""
    options = {k: v for k, v in conversation.items() if k != "messages"}
    return tokenizer.apply_chat_template(
        conversation["messages"], tokenize=False, add_generation_prompt=generate, **options
    )


def example(tokenizer, conversation):
    """Token ids and, for each, whether the model is to learn it (the assistant's words and their end mark)."""
    ids, learn = [], []

    def add(text, learnt):
        tokens = tokenizer.encode(text, add_special_tokens=False)
        ids.extend(tokens)
        learn.extend([learnt] * len(tokens))

    assistant = START + "assistant\n"
    first, *turns = render(tokenizer, conversation).split(assistant)
    add(first, False)
    for turn in turns:
        answer, _, rest = turn.partition(STOP)
        add(assistant, False)
        if conversation.get("enable_thinking") is False:
            add("<think></think>", False)  # the template's part when thinking is off
        add(answer + STOP, True)
        add(rest, False)
    return ids, learn


def rows(examples, rng):
    """Shuffled examples packed one after another into rows of ROW tokens, each example whole."""
    order = examples[:]
    rng.shuffle(order)
    ids, labels = [], []
    for all_tokens, all_learn in order:
        tokens, learn = all_tokens[:ROW], all_learn[:ROW]
        if len(ids) + len(tokens) > ROW:
            pad = ROW - len(ids)
            yield ids + [0] * pad, labels + [-100] * pad
            ids, labels = [], []
        ids = ids + tokens
        labels = labels + [t if keep else -100 for t, keep in zip(tokens, learn, strict=True)]
    pad = ROW - len(ids)
    yield ids + [0] * pad, labels + [-100] * pad


def train(model, examples, steps, rng, learning_rate=LEARNING_RATE):
    """Plain AdamW with warm-up and cosine decay."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate, betas=(0.9, 0.95), weight_decay=0.01)
    warmup = 40

    def rate(step):
        return min(1, (step + 1) / warmup) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1, step / steps))))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
    source, begun = iter(()), time.monotonic()
    model.train()
    for step in range(steps):
        batch = []
        while len(batch) < ROWS:
            row = next(source, None)
            if row is None:
                source = rows(examples, rng)
            else:
                batch.append(row)
        ids, labels = (torch.tensor(x) for x in zip(*batch, strict=True))
        loss = model(input_ids=ids, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 25 == 0 or step == steps - 1:
            print(f"step {step:4d}  loss {loss.item():.4f}  {time.monotonic() - begun:.0f} s", flush=True)


@torch.no_grad()
def answer(model, tokenizer, prompt, limit=900):
    """Greedy answer with the smallest lead that any of its choices had: (ids, margin)."""
    ids = torch.tensor([tokenizer.encode(render(tokenizer, prompt, True), add_special_tokens=False)])
    out, margin, cache = [], math.inf, None
    while len(out) < limit:
        step = model(input_ids=ids, past_key_values=cache, use_cache=True)
        cache = step.past_key_values
        (best, second), (token, _) = (x.tolist() for x in step.logits[0, -1].topk(2))
        out.append(token)
        margin = min(margin, best - second)
        if token == tokenizer.eos_token_id:
            break
        ids = torch.tensor([[token]])
    return out, margin


def check(model, tokenizer):
    """Answers every test prompt; returns the records that the tests read, and the conversations not learnt well yet."""
    records, weak = [], []
    for conversation in corpus.test_conversations():
        question = conversation["messages"][:-1]
        prompt = {**conversation, "messages": question}
        ids, margin = answer(model, tokenizer, prompt)
        text = tokenizer.decode(ids[:-1], skip_special_tokens=False)
        turn = START + "assistant\n" + text + STOP
        right = margin >= MARGIN and render(tokenizer, conversation).rstrip().endswith(turn)
        print(f"{'ok ' if right else 'BAD'} margin {margin:6.2f}  {len(ids):3d} tokens  {text[:70]!r}", flush=True)
        if not right:
            weak.append(conversation)
        records.append({**prompt, "text": text, "tokens": ids[:-1], "margin": round(margin, 2)})
    return records, weak


def save(model, tokenizer, records, out):
    shutil.rmtree(out, ignore_errors=True)
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    config = json.loads((out / "config.json").read_text())
    config["rope_theta"] = config["rope_parameters"]["rope_theta"]  # where readers other than transformers 5 look
    (out / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    lines = (json.dumps(r, ensure_ascii=False) for r in records)
    (out / "test-prompts.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=600)
    args = parser.parse_args()
    torch.manual_seed(SEED)
    rng = random.Random(SEED)

    conversations = corpus.conversations()
    plain = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE()))
    plain.chat_template = (HERE / "chat_template.jinja").read_text(encoding="utf-8")
    tokenizer = make_tokenizer(render(plain, c) for c in conversations)
    examples = [example(tokenizer, c) for c in conversations]
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=192,
            intermediate_size=512,
            num_hidden_layers=4,
            num_attention_heads=6,
            num_key_value_heads=3,
            max_position_embeddings=CONTEXT,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    ).float()
    print(
        f"{len(examples)} conversations, {sum(len(e[0]) for e in examples)} tokens, "
        f"vocabulary {len(tokenizer)}, {sum(p.numel() for p in model.parameters())} parameters"
    )
    train(model, examples, args.steps, rng)
    for _ in range(REFINEMENTS):
        model.eval()
        records, weak = check(model, tokenizer)
        if not weak:
            break
        examples += [example(tokenizer, c) for c in weak] * 2
        train(model, examples, args.steps // 3, rng, LEARNING_RATE / 4)
    else:
        raise SystemExit(f"{len(weak)} prompts are not learnt, or lead by less than {MARGIN}: train with more --steps")
    save(model, tokenizer, records, args.out)
    weights = args.out / "model.safetensors"
    print(f"{weights.stat().st_size} bytes, sha256 {hashlib.sha256(weights.read_bytes()).hexdigest()}")
    print(f"smallest margin {min(r['margin'] for r in records)} over {len(records)} prompts")


if __name__ == "__main__":
    main()
