package io.github.mlx4j.device;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LinuxTest {

    private static final long KB = 1024;
    private static final String MEMINFO = """
            MemTotal:       16000000 kB
            MemFree:          500000 kB
            MemAvailable:    9000000 kB
            """;

    private final FakeMachine linux = new FakeMachine("Linux", "amd64").with("/proc/meminfo", MEMINFO);

    @Test
    void shouldReadProcWhenItIsX86() {
        linux.with("/proc/cpuinfo", "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Some(R) CPU @ 2.50GHz\n");

        assertThat(new DeviceManager(linux).detectHardware())
                .isEqualTo(new Hardware(
                        "Linux",
                        "amd64",
                        "Some(R) CPU @ 2.50GHz",
                        null,
                        null,
                        2,
                        List.of(),
                        16_000_000 * KB,
                        null,
                        false,
                        false,
                        false));
        assertThat(available()).isEqualTo(9_000_000 * KB);
    }

    @Test
    void shouldGiveTheKernelsNumbersWhenItIsArm64() {
        FakeMachine arm = new FakeMachine("Linux", "aarch64")
                .with("/proc/cpuinfo", "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n");

        Hardware hardware = new DeviceManager(arm).detectHardware();
        assertThat(hardware.chip()).isEqualTo("ARM (implementer 0x41, part 0xd0c)");
        assertThat(hardware.appleSilicon()).isFalse();
    }

    @Test
    void shouldTakeTheContainersLimitWhenItIsLess() {
        linux.with("/proc/self/cgroup", "0::/\n")
                .with("/sys/fs/cgroup/memory.max", "4000000000\n")
                .with("/sys/fs/cgroup/memory.current", "3000000000\n")
                .with("/sys/fs/cgroup/memory.stat", "anon 1\nfile 9\ninactive_file 700000000\nactive_file 100000000\n");

        assertThat(new DeviceManager(linux).detectHardware().memoryBytes()).isEqualTo(4_000_000_000L);
        assertThat(available()).isEqualTo(1_000_000_000L + 800_000_000L);
    }

    @Test
    void shouldTakeTheTightestLimitWhenGroupsLieInGroups() {
        linux.with("/proc/self/cgroup", "0::/user.slice/app.scope\n")
                .with("/sys/fs/cgroup/user.slice/app.scope/memory.max", "max\n")
                .with("/sys/fs/cgroup/user.slice/app.scope/memory.current", "7\n")
                .with("/sys/fs/cgroup/user.slice/memory.max", "2000000000\n")
                .with("/sys/fs/cgroup/user.slice/memory.current", "1500000000\n");

        assertThat(available()).isEqualTo(500_000_000L);
    }

    @Test
    void shouldTakeTheContainersLimitWhenTheCgroupsAreOld() {
        linux.with("/proc/self/cgroup", "9:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n0::/\n")
                .with("/sys/fs/cgroup/memory/memory.limit_in_bytes", "1000000000\n")
                .with("/sys/fs/cgroup/memory/memory.usage_in_bytes", "600000000\n")
                .with("/sys/fs/cgroup/memory/memory.stat", "total_inactive_file 100000000\ntotal_active_file 0\n");
        assertThat(available()).isEqualTo(500_000_000L);

        linux.with("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"); // none
        assertThat(available()).isEqualTo(9_000_000 * KB);
    }

    @Test
    void shouldNeverHaveLessThanNothingWhenTheLimitIsPassed() {
        linux.with("/proc/self/cgroup", "0::/\n")
                .with("/sys/fs/cgroup/memory.max", "1000\n")
                .with("/sys/fs/cgroup/memory.current", "2000\n");

        assertThat(available()).isZero();
    }

    @ParameterizedTest
    @CsvSource({"Windows 11, amd64", "FreeBSD, aarch64", "Linux, riscv64", "Mac OS X, aarch64"})
    void shouldKnowLittleAndThrowNothingWhenNothingCanBeRead(String os, String architecture) {
        DeviceManager device = new DeviceManager(new FakeMachine(os, architecture));

        assertThat(device.availableMemory()).isEmpty();
        assertThat(device.gpuCores(Duration.ofSeconds(1))).isEmpty();
        assertThat(device.detectHardware().memoryBytes()).isNull();
        assertThat(device.detectHardware().chip()).isNull();
        assertThat(device.detectHardware().cores()).isEqualTo(2);
    }

    @Test
    @EnabledOnOs(
            value = {OS.LINUX, OS.MAC},
            disabledReason = "knows the memory of Linux and macOS only")
    void shouldKnowThisMachine() {
        DeviceManager device = new DeviceManager();

        assertThat(device.availableMemory().orElseThrow())
                .isBetween(1L, device.detectHardware().memoryBytes());
        assertThat(device.detectHardware().cores()).isPositive();
    }

    @Test
    @DisabledOnOs(value = OS.WINDOWS, disabledReason = "runs the program sleep")
    void shouldGiveUpWhenACommandIsNotThereOrTakesTooLong() {
        assertThat(Machine.LOCAL.run(Duration.ofSeconds(5), "/nosuch/command")).isEmpty();
        assertThat(Machine.LOCAL.run(Duration.ofMillis(50), "sleep", "20")).isEmpty();
    }

    private long available() {
        return new DeviceManager(linux).availableMemory().orElseThrow();
    }
}
