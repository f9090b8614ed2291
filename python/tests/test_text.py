"""Whole characters from any cut of tokens, and stop strings from any cut of text."""

from itertools import pairwise, product
from types import SimpleNamespace

import pytest

from mlx4j_worker.text.detokenizer import Decoder, Detokenizer, Splitter, StopMatcher

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"  # man, ZWJ, woman, ZWJ, girl
TEXTS = ["plain", "Jörg – 漢字", "नमस्ते", "👋🏽!", f"a {FAMILY} b", "\ufffd is a character too", ""]


def byte_decode(ids):
    """A byte-level tokenizer: an id is a byte."""
    return bytes(ids).decode(errors="replace")


def pieces_of(decode, ids):
    detokenizer = Detokenizer(decode)
    return [*(detokenizer.add(token) for token in ids), detokenizer.finish()]


def cuts(items):
    """Every way to cut a sequence into parts that are not empty."""
    for marks in product([False, True], repeat=max(len(items) - 1, 0)):
        edges = [0, *(i + 1 for i, mark in enumerate(marks) if mark), len(items)]
        yield [items[start:end] for start, end in pairwise(edges)]


class TestDetokenizer:
    @pytest.mark.parametrize("text", TEXTS)
    def test_bytes_as_tokens_give_the_whole_text(self, text):
        assert "".join(pieces_of(byte_decode, text.encode())) == text

    @pytest.mark.parametrize("text", [text for text in TEXTS if "\ufffd" not in text])
    def test_no_piece_has_a_replacement_character_for_a_split_one(self, text):
        assert all("\ufffd" not in piece for piece in pieces_of(byte_decode, text.encode()))

    def test_a_character_comes_with_its_last_byte(self):
        assert pieces_of(byte_decode, "é漢😀!".encode()) == ["", "é", "", "", "漢", "", "", "", "😀", "!", ""]

    def test_a_joined_emoji_comes_in_whole_code_points(self):
        pieces = [piece for piece in pieces_of(byte_decode, FAMILY.encode()) if piece]
        assert pieces == list(FAMILY)

    @pytest.mark.parametrize("text", ["aé漢", "😀é", "é\u200d😀"])
    def test_tokens_of_several_bytes_may_be_cut_anywhere(self, text):
        for parts in cuts(text.encode()):
            pieces = pieces_of(lambda ids, parts=parts: byte_decode(b"".join(parts[i] for i in ids)), range(len(parts)))
            assert "".join(pieces) == text, parts
            assert all("\ufffd" not in piece for piece in pieces), parts

    @pytest.mark.parametrize("tail", [b"\xf0", b"\xf0\x9f", b"\xf0\x9f\x98", b"\xff", b"\xe6\xbc", b"\x80\x80\x80"])
    def test_invalid_bytes_at_the_end_come_out_as_decode_has_them(self, tail):
        ids = b"ok " + tail
        pieces = pieces_of(byte_decode, ids)
        assert "".join(pieces) == byte_decode(ids)
        assert pieces[:3] == ["o", "k", " "]

    @pytest.mark.parametrize("middle", [b"\xff", b"\xf0\x9f", b"\xc3\xc3", b"\x80" * 12])
    def test_invalid_bytes_in_the_middle_come_out_as_decode_has_them(self, middle):
        ids = b"a" + middle + "é".encode()
        assert "".join(pieces_of(byte_decode, ids)) == byte_decode(ids)

    def test_bytes_that_never_make_a_character_are_not_held_for_ever(self):
        detokenizer = Detokenizer(byte_decode)
        pieces = [detokenizer.add(0xFF) for _ in range(64)]
        assert "".join(pieces) == "\ufffd" * 64
        assert "".join(pieces[:16]) == "\ufffd" * 16

    def test_many_real_replacement_characters_are_all_kept(self):
        text = "\ufffd" * 20 + "."
        assert "".join(pieces_of(byte_decode, text.encode())) == text

    def test_a_decoder_that_drops_the_first_space_keeps_the_others(self):
        words = ["▁Hello", "▁", "▁big", "▁▁", "world", "▁"]  # as sentencepiece has them

        def decode(ids):
            return "".join(words[i] for i in ids).replace("▁", " ").removeprefix(" ")

        pieces = pieces_of(decode, range(len(words)))
        assert "".join(pieces) == decode(range(len(words))) == "Hello  big  world "
        assert pieces[2] == " big"

    def test_only_a_few_tokens_are_decoded_at_a_time(self):
        lengths = []

        def decode(ids):
            lengths.append(len(ids))
            return byte_decode(ids)

        pieces_of(decode, b"a long text of one byte characters" * 10)
        assert max(lengths) <= 2

    def test_finish_without_tokens_is_empty(self):
        assert Detokenizer(byte_decode).finish() == ""


class ByteLevel:
    """The decoder of a byte-level tokenizer, by which transformers' class of it is recognized."""


class Tokenizer:
    """A tokenizer of transformers whose tokens are these bytes."""

    def __init__(self, parts, decoder):
        self._parts, self.decoded = parts, []
        self.backend_tokenizer = SimpleNamespace(decoder=decoder)

    def decode(self, ids, skip_special_tokens, clean_up_tokenization_spaces):
        assert not skip_special_tokens
        assert not clean_up_tokenization_spaces
        self.decoded.append([*ids])
        return byte_decode(b"".join(self._parts[i] for i in ids))


class TestDecoder:
    PARTS = (b"a", b" word", b"\xc3", b"\xa9", b"\xf0\x9f", b"\x98\x80", b"\xe6\xbc\xa2!", b"")

    def test_the_pieces_of_a_byte_level_tokenizer_are_those_of_any_other(self):
        known, unknown = (Decoder(Tokenizer(self.PARTS, decoder)) for decoder in (ByteLevel(), None))
        for ids in product(range(len(self.PARTS)), repeat=4):
            assert pieces_of(known, ids) == pieces_of(unknown, ids), ids

    def test_a_byte_level_token_of_whole_characters_is_decoded_once(self):
        tokenizer = Tokenizer(self.PARTS, ByteLevel())
        assert "".join(pieces_of(Decoder(tokenizer), [0, 1, 6] * 5)) == "a word漢!" * 5
        assert tokenizer.decoded == [[0], [1], [6]]

    def test_other_tokenizers_are_asked_in_context(self):
        """Such as sentencepiece, which drops the space of the first token."""
        decoder = Decoder(Tokenizer(self.PARTS, object()))
        assert decoder.piece(0) is None
        assert Decoder(SimpleNamespace(decode=None)).piece(0) is None


def run_stops(stops, parts):
    """(text that was shown, the stop string that was found or None)"""
    matcher = StopMatcher(stops)
    shown = ""
    for part in parts:
        text, stop = matcher.add(part)
        shown += text
        if stop is not None:
            return shown, stop
    return shown + matcher.finish(), None


def first_to_end(stops, text):
    """What run_stops has to give, said another way: text grows by characters until some stop string ends it."""
    for end in range(1, len(text) + 1):
        if ended := [stop for stop in stops if text[:end].endswith(stop)]:
            longest = max(ended, key=len)
            return text[: end - len(longest)], longest
    return text, None


class TestStopMatcher:
    def test_without_stops_text_goes_through(self):
        assert run_stops([], ["a", "", "b"]) == ("ab", None)

    def test_a_stop_in_one_piece_ends_the_text_before_it(self):
        assert run_stops(["END"], ["some text END more"]) == ("some text ", "END")

    def test_a_stop_is_found_across_pieces(self):
        assert run_stops(["\n\nHuman:"], ["Hi", ".\n", "\nHu", "man", ": what"]) == ("Hi.", "\n\nHuman:")

    def test_text_that_may_become_a_stop_is_held(self):
        matcher = StopMatcher(["END"])
        assert matcher.add("an E") == ("an ", None)
        assert matcher.add("N") == ("", None)
        assert matcher.add("Z") == ("ENZ", None)

    def test_no_more_than_needed_is_held(self):
        assert StopMatcher(["abcdef"]).add("xxxab") == ("xxx", None)
        assert StopMatcher(["abcdef"]).add("xxxba") == ("xxxb", None)
        assert StopMatcher(["abcdef"]).add("xxx") == ("xxx", None)

    def test_held_text_is_given_back_at_the_end(self):
        matcher = StopMatcher(["END"])
        assert matcher.add("the EN") == ("the ", None)
        assert matcher.finish() == "EN"
        assert matcher.finish() == ""

    def test_a_prefix_that_overlaps_itself_is_found(self):
        assert run_stops(["aab"], list("aaaab")) == ("aa", "aab")
        assert run_stops(["abac"], ["abab", "ac"]) == ("ab", "abac")

    def test_the_earliest_of_several_stops_wins(self):
        assert run_stops(["three", "two"], ["one two three"]) == ("one ", "two")

    def test_of_two_stops_at_one_place_the_shorter_ends_first(self):
        for parts in (["a--->"], ["a-", "--", ">"]):
            assert run_stops(["--->", "--"], parts) == ("a", "--")

    def test_a_stop_within_another_wins_however_the_text_is_cut(self):
        for parts in cuts("xabcy"):
            assert run_stops(["abc", "b"], parts) == ("xa", "b"), parts

    def test_of_two_stops_that_end_together_the_longer_wins(self):
        for parts in cuts("xabcy"):
            assert run_stops(["c", "abc"], parts) == ("x", "abc"), parts

    def test_a_stop_may_be_the_whole_text(self):
        assert run_stops(["END"], ["END"]) == ("", "END")

    @pytest.mark.parametrize(
        ("stops", "text"),
        [
            (["END"], "an ENEND!"),
            (["aab", "ba"], "aacaabab"),
            (["abcd", "bc", "cde"], "xabcdef"),
            (["aa", "aaa"], "baaaa"),
            (["abab", "abac", "c"], "ababac"),
            (["never"], "nevnevene"),
            (["😀.", "é"], "x😀😀.é"),
            (["\n\n", "\n\r\n"], "a\n\r\n\nb"),
        ],
    )
    def test_every_cut_gives_the_same(self, stops, text):
        wanted = first_to_end(stops, text)
        for parts in cuts(text):
            assert run_stops(stops, parts) == wanted, parts

    def test_every_small_text_and_pair_of_stops_gives_the_same_in_one_piece_and_by_characters(self):
        words = ["".join(letters) for size in (1, 2, 3) for letters in product("ab", repeat=size)]
        texts = ["".join(letters) for letters in product("abc", repeat=5)]
        for stops in product(words, repeat=2):
            for text in texts:
                wanted = first_to_end(stops, text)
                assert run_stops(stops, [text]) == wanted
                assert run_stops(stops, text) == wanted


THINK, CALL = ("<think>", "</think>"), ("<call>", "</call>")


def split(text, cut_at=(), **how):
    """What a Splitter makes of a text that is cut at these places, with neighbours of one kind joined."""
    splitter = Splitter(**how)
    edges = [0, *cut_at, len(text)]
    pieces = [piece for start, end in pairwise(edges) for piece in splitter.add(text[start:end])]
    joined = []
    for kind, piece in [*pieces, *splitter.finish()]:
        if joined and joined[-1][0] == kind != "called":
            joined[-1] = (kind, joined[-1][1] + piece)
        else:
            joined.append((kind, piece))
    return joined


class TestSplitter:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("plain", [("text", "plain")]),
            ("<think>a</think>b", [("thinking", "a"), ("text", "b")]),
            (
                " <think>a</think>\n<think>b</think>\n\nc\n<think>d</think>",
                [("thinking", "ab"), ("text", "c\n<think>d</think>")],
            ),
            ("<think><call>x</think>", [("thinking", "<call>x")]),
            ("a<call>1</call>b", [("text", "a"), ("call", "1"), ("called", ""), ("text", "b")]),
            ("<call>1</call><call>2</call>", [("call", "1"), ("called", ""), ("call", "2"), ("called", "")]),
            ("<call><think>", [("call", "<think>"), ("called", "")]),
            ("<call></call>", [("called", "")]),
            ("Use the <think> tag. </think>", [("text", "Use the <think> tag. </think>")]),
            (" \n<call>1</call>\n <call>2</call>\n", [("call", "1"), ("called", ""), ("call", "2"), ("called", "")]),
            ("a\n<call>1</call>\n b", [("text", "a\n"), ("call", "1"), ("called", ""), ("text", "\n b")]),
            ("\n a \n", [("text", "\n a \n")]),
            (" \n", [("text", " \n")]),
            ("<think>\n a\n</think> \n\n b ", [("thinking", "a\n"), ("text", "b ")]),
            ("a <thin king", [("text", "a <thin king")]),
            ("a</think>b", [("text", "a</think>b")]),
            ("open <thi", [("text", "open <thi")]),
            ("<think>never closed </th", [("thinking", "never closed </th")]),
        ],
    )
    def test_it_parts_the_text_at_its_marks_however_it_is_cut(self, text, expected):
        assert split(text, thinking=THINK, call=CALL) == expected
        assert split(text, range(1, len(text)), thinking=THINK, call=CALL) == expected
        for at in range(1, len(text)):
            assert split(text, (at,), thinking=THINK, call=CALL) == expected

    def test_a_text_may_begin_inside_its_thinking(self):
        assert split("a</think>b<think>c", thinking=THINK, begun="</think>") == [
            ("thinking", "a"),
            ("text", "b<think>c"),
        ]
        assert split("a</think>b<think>c", begun="</think>") == [("thinking", "a"), ("text", "b<think>c")]

    def test_without_marks_everything_is_text_at_once(self):
        splitter = Splitter()
        assert splitter.add("<think>") == [("text", "<think>")]
        assert splitter.add("") == splitter.finish() == []

    def test_a_call_without_an_end_mark_goes_on_to_the_end(self):
        expected = [("text", "a"), ("call", "[1][TOOLS] 2"), ("called", "")]
        assert split("a[TOOLS][1][TOOLS] 2", (3, 9), call=("[TOOLS]", "")) == expected

    def test_text_comes_as_soon_as_it_can_be_no_mark(self):
        splitter = Splitter(thinking=THINK)
        assert [splitter.add(piece) for piece in (" ", "<", "t", "x", "<think>", "\n")] == [
            [],
            [],
            [],
            [("text", " <tx")],
            [("text", "<think>")],
            [("text", "\n")],
        ]
