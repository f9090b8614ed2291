"""A report of the acceptance kit holds no personal data."""

import json

import pytest

from acceptance.redaction import Redactor, of_this_machine

JANE = Redactor(
    homes=("/Users/jdoe", "/Volumes/Work/jdoe"),
    names=("jdoe", "Jane Doe", "Jane", "Doe"),
    hosts=("Janes-MacBook-Pro", "Janes-MacBook-Pro.local", "Jane’s MacBook Pro", "build-7"),
    identifiers=("C02XK0AAJGH5",),
)
NOBODY = Redactor()


def test_every_form_of_a_name_is_replaced():
    redactor = Redactor(homes=("/Volumes/D\u00f6e/jane",), names=("D\u00f6e",))
    for path in ("/Volumes/D\u00f6e/jane/a", "/Volumes/Do\u0308e/jane/a", json.dumps("/Volumes/D\u00f6e/jane/a")[1:-1]):
        assert redactor.text(path) == "~/a"
    for name in ("D\u00f6e", "Do\u0308e", json.dumps("D\u00f6e")[1:-1]):
        assert redactor.text(f"by {name}, twice") == "by USER, twice"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/Users/jdoe/src/mlx4j/target", "~/src/mlx4j/target"),
        ("/Users/jdoe2/src", "/Users/USER/src"),
        ("/Users/Shared/model", "/Users/Shared/model"),
        ("/home/jane.roe/.mlx4j/envs", "/home/USER/.mlx4j/envs"),
        ("file:///Users/jdoe/a.txt:12", "file://~/a.txt:12"),
        ("/Volumes/Backup/Users/mroe/x", "/Volumes/Backup/Users/USER/x"),
        ("-rw-r--r--  1 jdoe  staff  120 model.safetensors", "-rw-r--r--  1 USER  staff  120 model.safetensors"),
        ("/opt/cache/jdoe/pip", "/opt/cache/USER/pip"),
        ("/opt/cache_JDOE_tmp", "/opt/cache_USER_tmp"),
        ("author: Jane Doe", "author: USER"),
        ("TMPDIR=/var/folders/zz/zyxvpxvq6csfxvn_n0000000000000/T/", "TMPDIR=/var/folders/USER/T/"),
        ("/private/var/folders/4k/l2b1_9sd6z1f0y7h3n5qk8c40000gn/T/x", "/private/var/folders/USER/T/x"),
        ("C:\\Users\\mroe\\x", "C:\\Users\\USER\\x"),
        ("Kernel on Janes-MacBook-Pro.local booted", "Kernel on COMPUTER booted"),
        ("      Computer Name: Jane’s MacBook Pro", "      Computer Name: COMPUTER"),
        ("serial C02XK0AAJGH5.", "serial SERIAL."),
    ],
)
def test_what_is_known_of_the_user_is_replaced(text, expected):
    assert JANE.text(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # system_profiler SPHardwareDataType
        ("      Serial Number (system): FVFXC2ABQ6LR", "      Serial Number (system): SERIAL"),
        ("      Hardware UUID: 12345678-9ABC-5DEF-8123-456789ABCDEF", "      Hardware UUID: UUID"),
        ("      Provisioning UDID: 00008103-001A2B3C4D5E6F70", "      Provisioning UDID: UUID"),
        ("      Model Identifier: MacBookPro18,3", "      Model Identifier: MacBookPro18,3"),
        ("      Model Number: Z15G001ABC/A", "      Model Number: Z15G001ABC/A"),
        # ioreg
        ('    "IOPlatformSerialNumber" = "FVFXC2ABQ6LR"', '    "IOPlatformSerialNumber" = SERIAL'),
        ('    "IOPlatformUUID" = "12345678-9ABC-5DEF-8123-456789ABCDEF"', '    "IOPlatformUUID" = UUID'),
        ('  "USB Serial Number" = "0123456789AB"', '  "USB Serial Number" = SERIAL'),
        ('    "serial-number" = <4632333031>', '    "serial-number" = SERIAL'),
        ("crashReporterKey 0F1E2D3C-1111-2222-3333-444455556666", "crashReporterKey UUID"),
        # computers that are named after people
        ("Maria's MacBook Air", "COMPUTER"),
        ("Maria Roe’s iMac", "COMPUTER"),
        ("connected to Maria’s Mac Studio (2)", "connected to COMPUTER"),
        ("MacBook-Pro-von-Maria", "COMPUTER"),
        ("ssh marias-imac.local", "ssh COMPUTER"),
        ("nas.fritz.box answered", "COMPUTER answered"),
        # addresses
        ("inet 192.168.178.23 netmask 0xffffff00", "inet IP-ADDRESS netmask 0xffffff00"),
        ("inet6 fe80::1c2d:3e4f:5a6b:7c8d%en0 prefixlen 64", "inet6 IP-ADDRESS prefixlen 64"),
        ("inet6 2001:db8:85a3::8a2e:370:7334", "inet6 IP-ADDRESS"),
        ("ether f0:18:98:aa:bb:cc", "ether MAC-ADDRESS"),
        ("http://127.0.0.1:11434 and ::1", "http://127.0.0.1:11434 and ::1"),
        ("mail jane.doe+mac@example.co.uk now", "mail EMAIL now"),
        # secrets
        ("HF_TOKEN=hf_AbCdEfGhIjKlMnOp", "HF_TOKEN=SECRET"),
        ("Authorization: Bearer abc.def-123456", "Authorization: Bearer SECRET"),
        ('"OPENAI_API_KEY": "sk-proj-12345678abcdef"', '"OPENAI_API_KEY": "SECRET"'),
        ("https://jane:hunter22@example.org/repo", "https://EMAIL/repo"),
    ],
)
def test_what_looks_personal_is_replaced(text, expected):
    assert NOBODY.text(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "ProductVersion: 15.1.1 BuildVersion: 24B91",
        'mlx 0.32.2, transformers 5.23.0, openjdk version "17.0.15" 2025-04-15',
        "10:42:31,123 INFO io.github.mlx4j.internal.process.WorkerProcess",
        "at io.github.mlx4j.Foo.bar(Foo.java:12)",
        "mlx::core::eval(std::vector<mlx::core::array>)",
        "tokens: 300, max_tokens: 64, prompt tokens 12345678",
        "largest difference 1.2e-05, tolerance 0.0001",
        'panic(cpu 4 caller 0xfffffe002a5c1f00): "completeMemory() prepare count underflow" @IOGPUMemory.cpp:492',
        "import threading.local()",
        "io.github.mlx4j.acceptance",
        "/tmp/kit/home/envs/mlx and src/Users/list",
    ],
)
def test_what_a_reader_needs_stays(text):
    assert NOBODY.text(text) == text


def test_a_second_pass_changes_nothing():
    text = "jdoe@build-7 Serial Number (system): FVFXC2ABQ6LR UUID: 12345678-9ABC-5DEF-8123-456789ABCDEF /Users/jdoe/x"
    once = JANE.text(text)
    assert "jdoe" not in once
    assert JANE.text(once) == once


def test_values_are_replaced_but_keys_are_not():
    assert JANE.value({"doe": ["Jane Doe", 3, None, {"at": "/Users/jdoe"}]}) == {"doe": ["USER", 3, None, {"at": "~"}]}


def test_this_machine_is_known(monkeypatch):
    monkeypatch.setenv("LOGNAME", "somebody7")
    monkeypatch.setattr("socket.gethostname", lambda: "workshop-9.example.org")
    redactor = of_this_machine()
    assert redactor.text("somebody7 on workshop-9.example.org, workshop-9") == "USER on COMPUTER, COMPUTER"
    assert "root" not in redactor.names
