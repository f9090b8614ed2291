package io.github.mlx4j.device;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The texts follow the documented output of sysctl, vm_stat and system_profiler. None was recorded on a Mac: this
 * project has not run on one.
 */
class MacTest {

    private static final String SYSCTL = "/usr/sbin/sysctl";
    private static final String VM_STAT = "/usr/bin/vm_stat";
    private static final String PROFILER = "/usr/sbin/system_profiler";

    @ParameterizedTest
    @CsvSource({
        "Apple M1, 1, BASE, 4, 4, 8",
        "Apple M2 Pro, 2, PRO, 8, 4, 16",
        "Apple M3 Max, 3, MAX, 12, 4, 64",
        "Apple M4, 4, BASE, 4, 6, 24",
        "Apple M5, 5, BASE, 4, 6, 32",
        "Apple M2 Ultra, 2, ULTRA, 16, 8, 192"
    })
    void shouldKnowTheChipWhenItIsApples(
            String chip, int generation, Hardware.Variant variant, int performance, int efficiency, long gigabytes) {
        Hardware hardware = hardware("aarch64", appleSilicon(chip, performance, efficiency, gigabytes << 30, Map.of()));

        assertThat(hardware)
                .isEqualTo(new Hardware(
                        "Mac OS X",
                        "aarch64",
                        chip,
                        generation,
                        variant,
                        performance + efficiency,
                        List.of(
                                new Hardware.CoreLevel("Performance", performance),
                                new Hardware.CoreLevel("Efficiency", efficiency)),
                        gigabytes << 30,
                        MacReadings.workingSet(gigabytes << 30),
                        false,
                        true,
                        false));
    }

    @ParameterizedTest
    @CsvSource({
        "Apple M7 Nova, 7,",
        "Apple M5 Ultra, 5, ULTRA",
        "Apple M12 Max, 12, MAX",
        "Apple M1 (Virtual), 1, BASE",
        "Apple M4 Pro (Virtual), 4, PRO",
        "Apple A18 Pro,,",
        "Apple processor,,",
        "Apple M,,",
        "M3,,",
        "Apple M9999,,",
        "Apple M3Max,,"
    })
    void shouldNotGuessWhatTheNameDoesNotSay(String chip, Integer generation, Hardware.Variant variant) {
        Hardware hardware = hardware("aarch64", appleSilicon(chip, 4, 4, 8L << 30, Map.of()));

        assertThat(hardware.chip()).isEqualTo(chip);
        assertThat(hardware.generation()).isEqualTo(generation);
        assertThat(hardware.variant()).isEqualTo(variant);
        assertThat(hardware.appleSilicon()).isTrue();
    }

    @Test
    void shouldNameTheLevelsOfCoresAsMacosDoes() {
        Hardware two = hardware(
                "aarch64",
                appleSilicon(
                        "Apple M5 Max",
                        6,
                        12,
                        64L << 30,
                        Map.of("hw.perflevel0.name", "Super", "hw.perflevel1.name", "Performance")));
        Hardware three = hardware(
                "aarch64",
                appleSilicon(
                        "Apple M8",
                        2,
                        4,
                        64L << 30,
                        Map.of("hw.perflevel2.name", "Tiny", "hw.perflevel2.physicalcpu", "8")));

        assertThat(two.coreLevels())
                .containsExactly(new Hardware.CoreLevel("Super", 6), new Hardware.CoreLevel("Performance", 12));
        assertThat(three.coreLevels())
                .containsExactly(
                        new Hardware.CoreLevel("Performance", 2),
                        new Hardware.CoreLevel("Efficiency", 4),
                        new Hardware.CoreLevel("Tiny", 8));
        assertThat(hardware("aarch64", "hw.perflevel0.physicalcpu: 4\n").coreLevels())
                .containsExactly(new Hardware.CoreLevel("level 0", 4));
    }

    @Test
    void shouldKnowTheGpusLimitWhenOneWasSet() {
        Hardware free =
                hardware("aarch64", appleSilicon("Apple M3", 4, 4, 8L << 30, Map.of("iogpu.wired_limit_mb", "0")));
        Hardware limited =
                hardware("aarch64", appleSilicon("Apple M3", 4, 4, 8L << 30, Map.of("iogpu.wired_limit_mb", "6144")));

        assertThat(free.gpuLimitBytes()).isEqualTo(MacReadings.workingSet(8L << 30));
        assertThat(free.gpuLimitSet()).isFalse();
        assertThat(limited.gpuLimitBytes()).isEqualTo(6L << 30);
        assertThat(limited.gpuLimitSet()).isTrue();
    }

    @Test
    void shouldTellAnIntelMacApart() {
        Hardware hardware = hardware("x86_64", """
                machdep.cpu.brand_string: Intel(R) Core(TM) i9-9980HK CPU @ 2.40GHz
                hw.memsize: 34359738368
                hw.ncpu: 16
                hw.perflevel0.physicalcpu: 8
                """);

        assertThat(hardware)
                .isEqualTo(new Hardware(
                        "Mac OS X",
                        "x86_64",
                        "Intel(R) Core(TM) i9-9980HK CPU @ 2.40GHz",
                        null,
                        null,
                        16,
                        List.of(),
                        32L << 30,
                        null,
                        false,
                        false,
                        false));
    }

    @Test
    void shouldSeeThroughRosettaWhenTheJvmIsTranslated() {
        Hardware hardware = hardware(
                "x86_64", appleSilicon("Apple M1 Pro", 8, 2, 16L << 30, Map.of("sysctl.proc_translated", "1")));

        assertThat(hardware.translated()).isTrue();
        assertThat(hardware.appleSilicon()).isTrue();
        assertThat(hardware.architecture()).isEqualTo("x86_64");
        assertThat(hardware.generation()).isEqualTo(1);
        assertThat(hardware("x86_64", "machdep.cpu.brand_string: VirtualApple @ 2.50GHz\nsysctl.proc_translated: 1\n")
                        .appleSilicon())
                .isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "\n\n", "hw.memsize", "hw.memsize: many", "hw.memsize: 99999999999999999999"})
    void shouldKnowLittleWhenSysctlSaysLittle(String text) {
        Hardware hardware = hardware("aarch64", text);

        assertThat(hardware.memoryBytes()).isNull();
        assertThat(hardware.chip()).isNull();
        assertThat(hardware.cores()).isEqualTo(2);
        assertThat(hardware.appleSilicon()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "Pages free: 1.", "Mach Virtual Memory Statistics: (page size of 4096 bytes)\n"})
    void shouldNotGuessWhenVmStatSaysLittle(String text) {
        assertThat(new DeviceManager(mac("aarch64").with(VM_STAT, text)).availableMemory())
                .isEmpty();
        assertThat(new DeviceManager(mac("aarch64")).availableMemory()).isEmpty();
    }

    @Test
    void shouldReadTheGpusCores() {
        String text = """
                {"SPDisplaysDataType": [
                  {"_name": "Apple M3 Max", "sppci_cores": "40", "sppci_model": "Apple M3 Max",
                   "spdisplays_mtlgpufamilysupport": "spdisplays_metal3"}]}""";

        assertThat(new DeviceManager(mac("aarch64").with(PROFILER, text)).gpuCores(Duration.ofSeconds(1)))
                .hasValue(40);
        for (String other : List.of("", "{", "[]", "{\"SPDisplaysDataType\": [{\"sppci_model\": \"AMD\"}]}")) {
            assertThat(new DeviceManager(mac("x86_64").with(PROFILER, other)).gpuCores(Duration.ofSeconds(1)))
                    .isEmpty();
        }
    }

    private static Hardware hardware(String architecture, String sysctl) {
        return new DeviceManager(mac(architecture).with(SYSCTL, sysctl)).detectHardware();
    }

    private static FakeMachine mac(String architecture) {
        return new FakeMachine("Mac OS X", architecture);
    }

    private static String appleSilicon(
            String chip, int performance, int efficiency, long memory, Map<String, String> more) {
        Map<String, String> values = new TreeMap<>(Map.of(
                "machdep.cpu.brand_string",
                chip,
                "hw.memsize",
                "" + memory,
                "hw.ncpu",
                "" + (performance + efficiency),
                "hw.optional.arm64",
                "1",
                "hw.perflevel0.name",
                "Performance",
                "hw.perflevel0.physicalcpu",
                "" + performance,
                "hw.perflevel1.name",
                "Efficiency",
                "hw.perflevel1.physicalcpu",
                "" + efficiency,
                "sysctl.proc_translated",
                "0"));
        values.putAll(more);
        StringBuilder text = new StringBuilder();
        values.forEach((name, value) -> text.append(name + ": " + value + "\n"));
        return text.toString();
    }
}
