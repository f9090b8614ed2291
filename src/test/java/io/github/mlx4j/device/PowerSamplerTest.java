package io.github.mlx4j.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.within;
import static org.awaitility.Awaitility.await;

import io.github.mlx4j.StubPython;
import io.github.mlx4j.error.DependencyMissingException;
import io.github.mlx4j.error.NotSupportedException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Uses a script in place of macmon, and texts in place of the kernel's counters. */
@Timeout(60)
class PowerSamplerTest {

    private static final String RAPL = "/sys/class/powercap/intel-rapl:";

    @TempDir
    private Path folder;

    private final FakeMachine linux = new FakeMachine("Linux", "amd64");
    private long now;

    @Test
    void shouldRunMacmonUntilItIsClosed() throws IOException {
        Path macmon = macmon("while :; do echo '{\"all_power\": 8.0, \"gpu_power\": 6.0}'; sleep 0.02; done");
        PowerSampler sampler =
                new DeviceManager(new FakeMachine("Mac OS X", "aarch64").with("macmon", macmon + "")).powerSampler();
        ProcessHandle process = process();
        Energy energy;
        try (sampler) {
            sampler.begin();
            energy = sampler.end().orElseThrow();
        }

        assertThat(energy.meanWatts()).isCloseTo(8, within(1e-9));
        assertThat(energy.watts()).containsEntry("gpu", 6.0);
        assertThat(folder.resolve("arguments")).hasContent("pipe -i 250");
        await().until(() -> !process.isAlive());
    }

    @Test
    void shouldKillMacmonWhenItDoesNotEnd() throws IOException {
        PowerSampler sampler = new Macmon(macmon("trap '' TERM; while :; do sleep 0.1; done"), Duration.ofMillis(100));
        ProcessHandle process = process();

        sampler.close();
        sampler.close();

        await().until(() -> !process.isAlive());
    }

    @Test
    void shouldTellNothingWhenMacmonEndsAtOnce() throws IOException {
        try (PowerSampler sampler = new Macmon(macmon("echo 'no sensors'; exit 1"), Duration.ofMillis(100))) {
            sampler.begin();
            assertThat(sampler.end()).isEmpty();
        }
    }

    @Test
    void shouldSayHowToInstallMacmonWhenAMacHasNone() {
        DeviceManager mac = new DeviceManager(new FakeMachine("Mac OS X", "aarch64"));

        assertThatExceptionOfType(DependencyMissingException.class)
                .isThrownBy(mac::powerSampler)
                .withMessageContaining("macmon is neither on the PATH nor")
                .withMessageContaining("brew install macmon");
    }

    @Test
    void shouldAddThePackagesOfRapl() {
        counter(0, "package-0", 5_000_000);
        counter(1, "package-1", 1_000_000);
        counter(2, "psys", 70_000_000); // the whole platform, which has the packages in it
        PowerSampler sampler = Rapl.open(linux, () -> now).orElseThrow();

        sampler.begin();
        counter(0, "package-0", 9_000_000);
        counter(1, "package-1", 3_000_000);
        counter(2, "psys", 99_000_000);
        now = Duration.ofSeconds(2).toNanos();

        assertThat(sampler.end()).hasValueSatisfying(energy -> {
            assertThat(energy.joules()).isCloseTo(6, within(1e-9));
            assertThat(energy.meanWatts()).isCloseTo(3, within(1e-9));
        });
    }

    @Test
    void shouldGoOnWhenACounterBeganAnew() {
        counter(0, "package-0", 262_000_000_000L);
        linux.with(RAPL + "0/max_energy_range_uj", "262143328850\n");
        PowerSampler sampler = Rapl.open(linux, () -> now).orElseThrow();

        sampler.begin();
        counter(0, "package-0", 1_000_000);
        now = Duration.ofSeconds(1).toNanos();

        assertThat(sampler.end().orElseThrow().joules()).isCloseTo(144.32885, within(1e-6));
    }

    @Test
    void shouldTellNothingWhenACounterCanNoLongerBeRead() {
        counter(0, "package-0", 1_000_000);
        PowerSampler sampler = Rapl.open(linux, () -> now).orElseThrow();

        sampler.begin();
        now = Duration.ofSeconds(1).toNanos();
        linux.with(RAPL + "0/energy_uj", "");

        assertThat(sampler.end()).isEqualTo(Optional.empty());
    }

    @Test
    void shouldSayWhomToAskWhenOthersMayReadTheCountersOnly() {
        linux.with(RAPL + "0/name", "package-0\n");

        assertThatExceptionOfType(NotSupportedException.class)
                .isThrownBy(new DeviceManager(linux)::powerSampler)
                .withMessageContaining("this user may not read")
                .withMessageContaining("/sys/class/powercap/*/energy_uj");
    }

    @Test
    void shouldSayThatThereAreNoCountersWhenThereAreNone() {
        assertThatExceptionOfType(NotSupportedException.class)
                .isThrownBy(new DeviceManager(linux)::powerSampler)
                .withMessageContaining("has no energy counters");
    }

    private void counter(int zone, String name, long microjoules) {
        linux.with(RAPL + zone + "/name", name + "\n").with(RAPL + zone + "/energy_uj", microjoules + "\n");
    }

    private Path macmon(String body) throws IOException {
        return StubPython.script(
                folder.resolve("macmon"),
                "#!/bin/sh",
                "echo \"$*\" > '" + folder + "/arguments'",
                "echo $$ > '" + folder + "/pid.new'; mv '" + folder + "/pid.new' '" + folder + "/pid'",
                body);
    }

    private ProcessHandle process() {
        Path pid = folder.resolve("pid");
        await().until(() -> Files.exists(pid));
        try {
            return ProcessHandle.of(Long.parseLong(Files.readString(pid).strip()))
                    .orElseThrow();
        } catch (IOException error) {
            throw new AssertionError(error);
        }
    }
}
