"""What commands of macOS print, in their recorded formats, and the choice of a Python in scripts/acceptance."""

import os
import plistlib
import subprocess
import sys
from pathlib import Path

import pytest

from acceptance import macos
from acceptance.steps import facts, soak

ROOT = Path(__file__).resolve().parents[2]

VM_STAT = """Mach Virtual Memory Statistics: (page size of 16384 bytes)
Pages free:                               20418.
Pages active:                            461003.
Pages wired down:                        143726.
Pages reactivated:                        55112.
"Translation faults":                 912373443.
Pages stored in compressor:              500000.
Pages occupied by compressor:            176123.
File-backed pages:                       262144.
Swapins:                                      0.
"""

ASSERTIONS = """2026-11-30 10:00:00 +0100
Assertion status system-wide:
   BackgroundTask                 0
   PreventSystemSleep             1
   PreventUserIdleSystemSleep     1
Listed by owning process:
   pid 402(powerd): [0x0001a2b300018f3e] 00:10:21 PreventUserIdleSystemSleep named: "Powerd"
   pid 912(caffeinate): [0x0001a2c80001a0b1] 00:00:12 PreventSystemSleep named: "caffeinate command-line tool"
   pid 101(hidd): [0x0001a2b3000981a0] 00:00:00 UserIsActive named: "com.apple.iohideventsystem.queue"
"""

ATTACHED = plistlib.dumps(
    {
        "system-entities": [
            {"content-hint": "Windows_NTFS", "dev-entry": "/dev/disk4s1", "mount-point": "/private/tmp/kit/volume"},
            {"content-hint": "FDisk_partition_scheme", "dev-entry": "/dev/disk4"},
        ]
    }
)

INFO = plistlib.dumps(
    {
        "images": [
            {"image-path": "/private/tmp/kit/exfat.dmg", "system-entities": [{"dev-entry": "/dev/disk4"}]},
            {"image-path": "/Users/jdoe/Xcode.dmg", "system-entities": [{"dev-entry": "/dev/disk5"}]},
            {"image-path": "/private/tmp/kit/none.dmg", "system-entities": []},
        ]
    }
)

CRASH = """{"app_name":"python3.12","timestamp":"2026-11-30 10:00:00.00 +0100","name":"python3.12"}
{
  "procName" : "python3.12",
  "parentProc" : "java",
  "exception" : {"type":"EXC_BAD_ACCESS","signal":"SIGSEGV"}
}
"""

PANIC = """{"bug_type":"210","os_version":"macOS 26.2 (25C56)"}
{
  "panicString" : "\\npanic(cpu 4 caller 0xfffffe0): \\"prepare count underflow\\" @IOGPUMemory.cpp:492\\nDebugger",
  "processByPid" : {"77": {"procname": "jdoes secret program"}}
}
"""


def test_sw_vers_and_sysctl():
    assert macos.pairs("ProductName:\t\tmacOS\nProductVersion:\t\t15.1.1\nBuildVersion:\t\t24B91\n") == {
        "ProductName": "macOS",
        "ProductVersion": "15.1.1",
        "BuildVersion": "24B91",
    }
    text = "hw.memsize: 17179869184\nmachdep.cpu.brand_string: Apple M2\nvm.swapusage: total = 0.00M  used = 0.00M\n"
    assert macos.pairs(text)["vm.swapusage"] == "total = 0.00M  used = 0.00M"
    assert macos.pairs("sysctl: unknown oid 'hw.x'\n") == {"sysctl": "unknown oid 'hw.x'"}


def test_vm_stat_counts_pages_as_bytes_and_events_as_they_are():
    found = macos.vm_stat(VM_STAT)
    assert found["wired down"] == 143726 * 16384
    assert found["free"] == 20418 * 16384
    assert found["occupied by compressor"] == 176123 * 16384
    assert found["file-backed"] == 262144 * 16384
    assert found["translation faults"] == 912373443
    assert found["reactivated"] == 55112
    assert found["swapins"] == 0


def test_pmset_names_what_prevents_sleep():
    assert macos.sleep_blockers(ASSERTIONS) == [
        "powerd (PreventUserIdleSystemSleep)",
        "caffeinate (PreventSystemSleep)",
    ]


def test_the_time_of_waking_up():
    assert macos.wake_time("kern.waketime: { sec = 1764500000, usec = 12 } Sun Nov 30 11:33:20 2026\n") == 1764500000
    assert macos.wake_time("") is None


def test_hdiutil_names_the_whole_disk_and_the_mount_point():
    assert macos.attached(ATTACHED) == ("/dev/disk4", "/private/tmp/kit/volume")
    assert macos.images_beneath(INFO, Path("/private/tmp/kit")) == ["/dev/disk4"]


def test_reports_of_this_run_alone_are_listed(tmp_path):
    for name, second in (("old.ips", 50), ("panic-full-2026-11-30.panic", 200), ("python3.12-2026.ips", 200)):
        (tmp_path / name).write_text(PANIC if "panic" in name else CRASH)
        os.utime(tmp_path / name, (second, second))
    found = macos.new_reports(100, (tmp_path, tmp_path / "missing"))
    assert [file.name for file in found] == ["panic-full-2026-11-30.panic", "python3.12-2026.ips"]
    assert [macos.is_panic(file) for file in found] == [True, False]


def test_only_reports_of_ours_are_kept_and_of_a_panic_its_message(tmp_path):
    logs = tmp_path / "logs"
    logs.mkdir()
    texts = {
        "python3.12-1.ips": CRASH,
        "python3.12-2.ips": CRASH.replace('"java"', '"zsh"'),
        "Mail-1.ips": CRASH.replace("python3.12", "Mail"),
        "java-1.ips": CRASH.replace("python3.12", "java"),
        "panic-1.panic": PANIC,
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
        soak.copy_ours(tmp_path / name, logs)
    assert sorted(file.name for file in logs.iterdir()) == ["java-1.ips", "panic-1.panic.txt", "python3.12-1.ips"]
    message = (logs / "panic-1.panic.txt").read_text()
    assert message == 'panic(cpu 4 caller 0xfffffe0): "prepare count underflow" @IOGPUMemory.cpp:492'


def test_wired_memory_of_a_soak():
    csv = "second,wiredMiB,freeMiB,compressedMiB\n1,2000,1,1\n2,9000,1,1\n3,2100,1,1\n4,21"
    assert soak.wired(csv) == {"first": 2000, "largest": 9000, "last": 2100}
    assert soak.wired("second,wiredMiB\n") == {}


def test_pythons_are_found_beyond_the_path(tmp_path):
    for folder, name in (("path", "python3"), ("brew", "python3.12"), ("brew", "python2")):
        file = tmp_path / folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("")
        file.chmod(0o755)
    (tmp_path / "path" / "python3.13").write_text("not executable")
    found = facts.pythons(str(tmp_path / "path"), (str(tmp_path / "brew"), str(tmp_path / "path")))
    assert found == [str(tmp_path / "path" / "python3"), str(tmp_path / "brew" / "python3.12")]


def script(tmp_path, **settings):
    """Runs scripts/acceptance --list in bash's POSIX-free default mode with a PATH of its own."""
    tools = tmp_path / "tools"
    tools.mkdir(exist_ok=True)
    for name in ("bash", "dirname", "env", "cat"):
        found = next(Path(folder) / name for folder in ("/bin", "/usr/bin") if (Path(folder) / name).exists())
        if not (tools / name).exists():
            (tools / name).symlink_to(found)
    uname = tools / "uname"
    uname.write_text("#!/bin/sh\necho Darwin\n")
    uname.chmod(0o755)
    env = {"PATH": str(tools), "HOME": str(tmp_path), **settings}
    return subprocess.run(
        [str(tools / "bash"), str(ROOT / "scripts/acceptance"), "--list"],
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def no_other_python():
    return not any(list(Path(folder).glob("python3*")) for folder in ("/opt/homebrew/bin", "/usr/local/bin"))


def test_the_script_takes_a_new_enough_python(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_text("#!/bin/sh\nexit 1\n")  # as one before 3.11 answers the question for its version
    new.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    old.chmod(0o755)
    new.chmod(0o755)
    assert script(tmp_path, PYTHON_PATH=str(new)).stdout.startswith("build ")
    (tmp_path / "tools").mkdir(exist_ok=True)
    (tmp_path / "tools" / "python3").symlink_to(old)
    (tmp_path / "tools" / "python3.12").symlink_to(new)
    assert script(tmp_path).stdout.startswith("build ")


@pytest.mark.skipif(not no_other_python(), reason="a Python in /opt/homebrew/bin or /usr/local/bin would be taken")
@pytest.mark.skipif(Path("/usr/bin/xcode-select").exists(), reason="the command line tools decide on this machine")
def test_the_script_never_starts_the_stub_of_macos(tmp_path):
    if not os.access("/usr/bin/python3", os.X_OK):
        pytest.skip("there is no /usr/bin/python3")
    done = script(tmp_path, PYTHON_PATH="/usr/bin/python3")
    assert done.returncode == 69
    assert "Python 3.11 or newer is required" in done.stderr
