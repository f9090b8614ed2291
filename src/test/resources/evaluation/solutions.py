"""A solution of each built-in code task."""

import re
from itertools import groupby


def parse_duration(text):
    hours, minutes = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?", text).groups(default=0)
    return 60 * int(hours) + int(minutes)


def longest_word(text):
    return max(text.split(), key=len, default="")


def rotate(items, n):
    return [items[(i - n) % len(items)] for i in range(len(items))]


def compress_ranges(numbers):
    written = []
    for _, run in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0]):
        run = [number for _, number in run]
        written.append(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}")
    return written


def column_name(n):
    name = ""
    while n:
        n, letter = divmod(n - 1, 26)
        name = chr(65 + letter) + name
    return name


def clamp_all(numbers, low, high):
    return [min(max(number, low), high) for number in numbers]


def minutes_between(start, end):
    first, last = (60 * int(time[:2]) + int(time[3:]) for time in (start, end))
    return (last - first) % (24 * 60)


def interleave(a, b):
    common = min(len(a), len(b))
    return [item for pair in zip(a, b) for item in pair] + a[common:] + b[common:]


def initials(name):
    return "".join(f"{word[0].upper()}." for word in name.split())


def merge_sorted(a, b):
    return sorted(a + b)


def is_leap_year(year):
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def run_lengths(text):
    return [(character, len(list(run))) for character, run in groupby(text)]


def transpose(rows):
    return list(zip(*rows))


def word_counts(text):
    words = text.lower().split()
    return {word: words.count(word) for word in words}


def moving_average(numbers, size):
    return [sum(numbers[i : i + size]) / size for i in range(len(numbers) - size + 1)]


def flatten(items):
    return [leaf for item in items for leaf in (flatten(item) if isinstance(item, list) else [item])]
