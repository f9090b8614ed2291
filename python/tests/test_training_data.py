"""Files to train on, and the batches that become of them. The tokenizer here has a token for each character."""

import json
from collections import Counter

import pytest

from mlx4j_worker.errors import InvalidRequest
from mlx4j_worker.training import data
from mlx4j_worker.training.batches import Batch, Order, Sequence

CHAT = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}


class Characters:
    """<role>content; for each message, and <assistant> where an answer is to follow."""

    chat_template = "takes tools"
    bos_token = None
    eos_token_id = 0

    def encode(self, text, add_special_tokens=True):
        return [ord(character) for character in text]

    def apply_chat_template(self, messages, tokenize, add_generation_prompt, tools=()):
        text = "".join(f"<{tool['name']}>" for tool in tools)
        for message in messages:
            calls = "".join(str(call["function"]["arguments"]["n"]) for call in message.get("tool_calls", []))
            text += f"<{message['role']}>{message['content']}{calls};"
        return text + ("<assistant>" if add_generation_prompt else "")


@pytest.fixture
def read(tmp_path):
    def read(*lines, most=1000, mask=False, tokenizer=None):
        content = b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines)
        (tmp_path / "train.jsonl").write_bytes(content)
        return data.read(tmp_path / "train.jsonl", tokenizer or Characters(), most, mask)

    return read


def text(sequence):
    return "".join(map(chr, sequence.tokens))


def counted(sequence):
    return "".join(map(chr, sequence.tokens[sequence.start :]))


def test_each_kind_becomes_tokens(read):
    assert text(read({"text": "abc"}).sequences[0]) == "abc\0"
    assert text(read({"prompt": "ab", "completion": "c"}).sequences[0]) == "abc\0"
    assert text(read(CHAT).sequences[0]) == "<user>Hi;<assistant>Ho;"
    tools = {"tools": [{"name": "add"}], "messages": [*CHAT["messages"][:1]]}
    call = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"function": {"name": "add", "arguments": '{"n": 7}'}}],
    }
    tools["messages"].append(call)
    assert text(read(tools).sequences[0]) == "<add><user>Hi;<assistant>7;"


def test_only_the_answer_counts_where_the_prompt_is_masked(read):
    assert counted(read({"prompt": "ab", "completion": "cd"}, mask=True).sequences[0]) == "cd\0"
    assert counted(read(CHAT, mask=True).sequences[0]) == "Ho;"
    assert counted(read(CHAT).sequences[0]) == "user>Hi;<assistant>Ho;"


def test_a_byte_order_mark_crlf_and_blank_lines_are_no_data(read):
    found = read(b"\xef\xbb\xbf" + json.dumps({"text": "ab"}).encode() + b"\r", b"", b"  \r", {"text": "cd"})
    assert [text(one) for one in found.sequences] == ["ab\0", "cd\0"]


def test_what_is_too_long_is_cut_and_counted(read):
    found = read({"prompt": "abcdef", "completion": "ghi"}, {"prompt": "a", "completion": "b"}, most=4, mask=True)
    assert (len(found.sequences), found.cut, found.dropped) == (1, 1, 1)
    assert len([*found.warnings("file")]) == 2
    found = read({"text": "abcdef"}, {"text": "a"}, most=4)
    assert [text(one) for one in found.sequences] == ["abcd", "a\0"]
    assert found.to_json() == {"sequences": 2, "tokens": 6, "trainedTokens": 4, "cut": 1, "dropped": 0}


def test_fields_that_are_not_read_are_told(read):
    assert "id" in next(iter(read({"text": "abc", "id": 7}).warnings("file")))


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"{", "not JSON"),
        (b"\xff{}", "not UTF-8"),
        (b"[" * 100_000, "nested"),
        ([], "not a JSON object"),
        ({}, "exactly one of"),
        ({"text": "a", "prompt": "b"}, "exactly one of"),
        ({"messages": []}, "messages must be"),
        ({"messages": [{"role": "user"}]}, "content"),
        ({"messages": [{"role": "robot", "content": ""}]}, "role"),
        ({"messages": [{"role": "user", "content": "a", "weight": 0}]}, "weight"),
        ({"messages": [{"role": "assistant", "content": "", "tool_calls": [{}]}]}, "tool_calls"),
        ({**CHAT, "tools": "add"}, "tools"),
    ],
)
def test_a_bad_line_is_refused_by_its_number(read, line, why):
    with pytest.raises(InvalidRequest, match=rf"train\.jsonl, line 3: .*{why}") as caught:
        read(CHAT, b"", line)
    assert "Nothing was trained" in caught.value.hint


@pytest.mark.parametrize(
    ("line", "mask", "why"),
    [
        ({"text": ""}, False, "text"),
        ({"text": 5}, False, "text"),
        ({"prompt": "a"}, False, "completion"),
        ({"text": "abc"}, True, "maskPrompt"),
        ({"messages": CHAT["messages"][:1]}, True, "assistant"),
    ],
)
def test_a_first_line_that_cannot_be_used_is_refused(read, line, mask, why):
    with pytest.raises(InvalidRequest, match=rf"line 1: .*{why}"):
        read(line, mask=mask)


def test_a_file_has_lines_of_one_kind(read):
    with pytest.raises(InvalidRequest, match="line 2: it has text, but the lines before have messages"):
        read(CHAT, {"text": "abc"})


def test_a_file_without_lines_is_refused(read, tmp_path):
    with pytest.raises(InvalidRequest, match="nothing to train on"):
        read()
    with pytest.raises(InvalidRequest, match="no file"):
        data.read(tmp_path / "nothing.jsonl", Characters(), 10, False)


def test_a_model_without_a_template_takes_no_chats(read):
    class Plain(Characters):
        chat_template = None

    with pytest.raises(InvalidRequest, match=r"line 1: .*no chat template"):
        read(CHAT, tokenizer=Plain())


def test_a_token_that_the_model_does_not_have_is_refused(tmp_path):
    (tmp_path / "train.jsonl").write_text('{"text": "abc"}\n{"text": "ab\u00ff"}\n')
    with pytest.raises(InvalidRequest, match="line 2: its token 255 is outside the model's vocabulary of 255"):
        data.read(tmp_path / "train.jsonl", Characters(), 10, False, vocabulary=255)
    assert len(data.read(tmp_path / "train.jsonl", Characters(), 10, False, vocabulary=256).sequences) == 2


def test_the_digest_tells_files_apart(read):
    assert read({"text": "ab"}).digest == read({"text": "ab"}).digest != read({"text": "ac"}).digest
    masked, plain = (read({"prompt": "ab", "completion": "c"}, mask=mask).digest for mask in (True, False))
    assert masked != plain


DEEP = 100_000


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("[" * DEEP, "line 2: it is nested more than 128 levels deep"),
        ('{"text": "a", "more": ' + "[" * 128 + "]" * 128 + "}", "line 2: it is nested more than 128 levels deep"),
        (
            {
                "messages": [
                    {"role": "user", "content": "a"},
                    {
                        "role": "assistant",
                        "tool_calls": [{"function": {"name": "f", "arguments": '{"a":' * DEEP + "1" + "}" * DEEP}}],
                    },
                ]
            },
            "line 2: messages[1].tool_calls's arguments is nested more than 128 levels deep",
        ),
        ('{"text": "a", "text": "b"}', "line 2: it has 'text' twice in one object"),
        ('{"text": "a", "b": {"c": 1, "c": 2}}', "line 2: it has 'c' twice in one object"),
        ({"messages": [{"role": "user", "content": "x" * (9 << 20)}]}, "line 2: its messages have 9437184 characters"),
    ],
    ids=["deep", "a little too deep", "arguments", "twice", "twice within", "chat"],
)
def test_hostile_lines_are_refused_by_their_number(tmp_path, line, why):
    path = tmp_path / "data.jsonl"
    path.write_text("\n" + (line if isinstance(line, str) else json.dumps(line)))
    with pytest.raises(InvalidRequest) as caught:
        data.read(path, Characters(), 1000, False)
    assert why in str(caught.value)
    assert "Nothing was trained" in caught.value.hint


def test_a_line_as_deep_as_allowed_is_read(read):
    inner = json.loads("[" * 127 + "]" * 127)
    assert read({"text": "ab", "more": inner}).ignored == {"more"}


def test_a_line_without_an_end_is_refused_before_it_is_read_whole(tmp_path):
    path = tmp_path / "data.jsonl"
    with open(path, "wb") as file:
        file.write(b'{"text": "fine"}\n')
        file.truncate(10 << 30)  # a hole of 10 GB, which takes no room on the disk
    with pytest.raises(InvalidRequest, match="line 2: it has more than 64 MiB"):
        data.read(path, Characters(), 1000, False)


def test_no_more_text_is_tokenized_than_can_be_kept(tmp_path):
    given = []

    class Counting(Characters):
        def encode(self, text, add_special_tokens=True):
            given.append(len(text))
            return super().encode(text, add_special_tokens)

    path = tmp_path / "data.jsonl"
    path.write_text(json.dumps({"text": "x" * 5_000_000}) + "\n")
    found = data.read(path, Counting(), 100, False)
    assert given == [101 * 128]
    assert len(found.sequences[0].tokens) == 100
    assert found.cut == 1


def test_a_batch_counts_what_is_to_be_learnt():
    batch = Batch.of([Sequence([1, 2, 3, 4], 2), Sequence([5, 6])], 100)
    assert batch.tokens == 3
    assert [row[:4] for row in batch.inputs] == [[1, 2, 3, 0], [5, 0, 0, 0]]
    assert [row[:4] for row in batch.targets] == [[2, 3, 4, 0], [6, 0, 0, 0]]
    assert [row[:4] for row in batch.counts] == [[0, 1, 1, 0], [1, 0, 0, 0]]
    assert {len(row) for rows in (batch.inputs, batch.targets, batch.counts) for row in rows} == {32}
    assert len(Batch.of([Sequence([1, 2, 3, 4])], 4).inputs[0]) == 4


def test_every_sequence_comes_once_in_each_epoch_in_another_order():
    order = Order(10, seed=3)
    epochs = [order.indices(at, 10) for at in (0, 10, 20)]
    assert all(Counter(epoch) == Counter(range(10)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3
    assert order.indices(7, 6) == epochs[0][7:] + epochs[1][:3]
    assert Order(10, seed=3).indices(0, 30) == [*epochs[0], *epochs[1], *epochs[2]] != Order(10, seed=4).indices(0, 30)


def test_the_order_of_a_seed_never_changes():
    assert Order(8, seed=0).indices(0, 8) == [3, 5, 7, 1, 2, 0, 4, 6]
