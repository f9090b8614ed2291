package io.github.mlx4j.device;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mlx4j.model.registry.ModelRegistry;
import io.github.mlx4j.provider.ModelRole;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Tests the available memory of Macs of all sizes. The readings are invented, in the format of Apple's vm_stat and
 * sysctl.
 */
class MacMemoryTest {

    private static final int TOKENS = 4096;
    private static final long MIB = 1L << 20;

    /**
     * Sizes in MiB, the machine's in GiB. {@code held} is what our workers hold; {@code limit} is
     * {@code iogpu.wired_limit_mb}. A reading is idle where the free pages are many, and busy where the anonymous ones
     * are.
     */
    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            # GiB | limit | free   | file  | purgeable | anonymous | held  || working set | reserve | room   | picked
                8 |     0 |    600 |  1700 |       100 |      2600 |     0 ||        5461 |    1024 |   2626 | Llama-3.2-3B-Instruct-4bit
                8 |     0 |     60 |  1000 |        40 |      3200 |     0 ||        5461 |    1024 |   1656 | Qwen3-1.7B-4bit
                8 |     0 |     60 |   900 |        40 |      4500 |  1500 ||        5461 |    1024 |   1456 | Qwen3-1.7B-4bit
                8 |  6144 |    600 |  1700 |       100 |      2600 |     0 ||        6144 |    1024 |   2626 | Llama-3.2-3B-Instruct-4bit
                8 |  2048 |    600 |  1700 |       100 |      2600 |     0 ||        2048 |    1024 |   1024 |
               16 |     0 |   2000 |  4000 |       300 |      5400 |     0 ||       10922 |    2048 |   6802 | Qwen3-8B-4bit
               16 |     0 |    300 |  2500 |       100 |      7500 |     0 ||       10922 |    2048 |   4552 | Mistral-7B-Instruct-v0.3-4bit
               16 |     0 |    300 |  2500 |       100 |      9000 |  5000 ||       10922 |    2048 |   2802 | Qwen3-4B-4bit
               16 |     0 |   2000 |  2500 |       100 |      2000 |  9000 ||       10922 |    2048 |      0 |
               18 |     0 |   2500 |  4500 |       300 |      6000 |     0 ||       12288 |    2304 |   7846 | Qwen3-8B-4bit
               24 |     0 |   6000 |  6000 |       300 |      7000 |     0 ||       16384 |    3072 |  12578 | Qwen3-8B-4bit
               24 |     0 |    300 |  4000 |       100 |     13000 |     0 ||       16384 |    3072 |   7778 | Qwen3-8B-4bit
               32 |     0 |  10000 |  8000 |       500 |      9000 |     0 ||       21845 |    4096 |  17749 | Qwen3-8B-4bit
               32 |     0 |    500 |  6000 |       200 |     17000 |     0 ||       21845 |    4096 |  11004 | Qwen3-8B-4bit
               36 |     0 |  12000 |  9000 |       500 |      9000 |     0 ||       27648 |    4608 |  21142 | Qwen3-8B-4bit
               48 |     0 |  20000 | 12000 |       500 |     10000 |     0 ||       36864 |    6144 |  30720 | Qwen3-8B-4bit
               64 |     0 |  30000 | 16000 |       500 |     12000 |     0 ||       49152 |    7629 |  41522 | Qwen3-8B-4bit
               64 |     0 |   1000 | 10000 |       500 |     40000 | 35000 ||       49152 |    7629 |   6120 | Qwen3-8B-4bit
               96 |     0 |  60000 | 16000 |       500 |     14000 |     0 ||       73728 |    7629 |  66098 | Qwen3-8B-4bit
              128 |     0 |  90000 | 20000 |      1000 |     14000 |     0 ||       98304 |    7629 |  90674 | Qwen3-8B-4bit
              192 |     0 | 150000 | 24000 |      1000 |     14000 |     0 ||      147456 |    7629 | 139826 | Qwen3-8B-4bit
              512 |     0 | 470000 | 30000 |      1000 |     16000 |     0 ||      393216 |    7629 | 385586 | Qwen3-8B-4bit
            """)
    void shouldPickWhatFitsBesideOtherPrograms(
            long memory,
            long limit,
            long free,
            long file,
            long purgeable,
            long anonymous,
            long held,
            String none,
            long workingSet,
            long reserve,
            long room,
            String picked) {
        DeviceManager mac = new DeviceManager(new FakeMachine("Mac OS X", "aarch64")
                .with("/usr/sbin/sysctl", "hw.memsize: %d\niogpu.wired_limit_mb: %d\n".formatted(memory << 30, limit))
                .with("/usr/bin/vm_stat", vmStat(free, file, purgeable, anonymous)));
        MemoryManager manager = new MemoryManager(mac);
        long bytes = manager.availableBytes(held * MIB).orElseThrow();

        assertThat(mac.detectHardware().gpuLimitBytes() / MIB).isEqualTo(workingSet);
        assertThat(manager.reservedBytes() / MIB).isEqualTo(reserve);
        assertThat(bytes / MIB).isEqualTo(room);
        assertThat(ModelRegistry.builtIn()
                        .pick(ModelRole.GENERAL, bytes, TOKENS)
                        .best()
                        .map(best -> best.model().id()))
                .isEqualTo(Optional.ofNullable(picked).map("mlx-community/"::concat));
    }

    @Test
    void shouldCountHalfOfWhatOtherProgramsCouldCompress() {
        assertThat(MacReadings.available(vmStat(100, 200, 20, 400), 0)).hasValue(MIB * (100 + 200 + 20 + 190));
        assertThat(MacReadings.available(vmStat(100, 200, 20, 400), 300 * MIB)).hasValue(MIB * (100 + 200 + 20 + 40));
        assertThat(MacReadings.available(vmStat(100, 200, 20, 400), 900 * MIB)).hasValue(MIB * (100 + 200 + 20));
    }

    @Test
    void shouldSetNoGpuLimitWhenTheMacIsIntels() {
        DeviceManager mac = new DeviceManager(new FakeMachine("Mac OS X", "x86_64")
                .with("/usr/sbin/sysctl", "hw.memsize: %d\n".formatted(8L << 30))
                .with("/usr/bin/vm_stat", vmStat(7000, 500, 0, 0)));

        assertThat(mac.availableMemory()).hasValue(7500 * MIB);
    }

    @ParameterizedTest
    @ValueSource(strings = {"Pages free", "File-backed pages", "Pages purgeable", "Anonymous pages", "page size"})
    void shouldNotGuessWhenVmStatLacksAFigure(String missing) {
        String text = vmStat(100, 200, 20, 400).replaceAll("(?m)^.*" + missing + ".*\n", "");

        assertThat(MacReadings.available(text, 0)).isEmpty();
    }

    /** From MiB. Of what isn't free, half is active. */
    private static String vmStat(long free, long file, long purgeable, long anonymous) {
        return """
                Mach Virtual Memory Statistics: (page size of 16384 bytes)
                Pages free:                          %12d.
                Pages active:                        %12d.
                Pages inactive:                      %12d.
                Pages speculative:                            0.
                Pages throttled:                              0.
                Pages wired down:                        150000.
                Pages purgeable:                     %12d.
                "Translation faults":                 148621725.
                Pages copy-on-write:                    9619662.
                File-backed pages:                   %12d.
                Anonymous pages:                     %12d.
                Pages stored in compressor:              451881.
                Pages occupied by compressor:            184956.
                Swapins:                                      0.
                """.formatted(
                free * 64, (file + anonymous) * 32, (file + anonymous) * 32, purgeable * 64, file * 64, anonymous * 64);
    }
}
