package io.github.mlx4j.device;

import static io.github.mlx4j.provider.ProviderKind.HF;
import static io.github.mlx4j.provider.ProviderKind.MLX;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.mlx4j.provider.ProviderKind;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class BackendChoiceTest {

    private static final List<BackendFacts> BOTH = List.of(BackendFacts.ready(MLX), BackendFacts.ready(HF));
    private static final String VM_STAT =
            "Mach Virtual Memory Statistics: (page size of 16384 bytes)\nPages free: 1000000.\nPages purgeable: 0.\n"
                    + "File-backed pages: 0.\nAnonymous pages: 0.\n"; // 16.4 GB

    private final DeviceManager linux =
            new DeviceManager(new FakeMachine("Linux", "amd64").with("/proc/meminfo", "MemAvailable: 4000000 kB\n"));
    private final DeviceManager mac = mac("hw.optional.arm64: 1\n");

    @Test
    void shouldTakeTheFirstThatIsReady() {
        assertThat(linux.selectBackend(BOTH, null))
                .isEqualTo(new BackendChoice(
                        MLX,
                        "cpu",
                        List.of(
                                new BackendChoice.Reason(MLX, true, "it can run here, on cpu"),
                                new BackendChoice.Reason(HF, false, "mlx comes before it"))));
    }

    @Test
    void shouldSayWhyWhenTheFirstIsNotReady() {
        List<BackendFacts> facts = List.of(BackendFacts.unavailable(MLX, "mlx-lm is missing"), BackendFacts.ready(HF));

        BackendChoice choice = mac.selectBackend(facts, null);
        assertThat(choice.provider()).isEqualTo(HF);
        assertThat(choice.device()).isEqualTo("mps");
        assertThat(choice.reasons())
                .containsExactly(
                        new BackendChoice.Reason(MLX, false, "mlx-lm is missing"),
                        new BackendChoice.Reason(HF, true, "it can run here, on mps"));
    }

    @Test
    void shouldTakeOnlyWhatIsAskedFor() {
        BackendChoice choice = mac.selectBackend(BOTH, HF);

        assertThat(choice.provider()).isEqualTo(HF);
        assertThat(choice.reasons().get(0).why()).isEqualTo("not asked for: hf is");
    }

    @Test
    void shouldUseTheGpuWhenItIsAppleSilicon() {
        assertThat(mac.selectBackend(BOTH, null).device()).isEqualTo("gpu");
        assertThat(mac("sysctl.proc_translated: 1\n").selectBackend(BOTH, null).device())
                .as("Python is started as arm64")
                .isEqualTo("gpu");
    }

    @Test
    void shouldUseTheDeviceWhenAWorkerToldIt() {
        List<BackendFacts> facts =
                List.of(BackendFacts.ready(HF).needing(900_000_000_000L).on("cuda"));

        BackendChoice choice = linux.selectBackend(facts, null);
        assertThat(choice.device()).isEqualTo("cuda"); // with memory of its own, of which nothing is known
    }

    @Test
    void shouldExpectCudaForHfWhenNvidiasDriverIsLoaded() {
        DeviceManager nvidia = new DeviceManager(new FakeMachine("Linux", "amd64")
                .with("/proc/meminfo", "MemAvailable: 4000000 kB\n")
                .with("/proc/driver/nvidia/version", "NVRM version: 575.57"));
        List<BackendFacts> large = both(9_000_000_000L);

        BackendChoice choice = nvidia.selectBackend(large, null);
        assertThat(choice.provider()).as("mlx computes on the CPU there").isEqualTo(HF);
        assertThat(choice.device()).isEqualTo("cuda");
        assertThat(nvidia.selectBackend(List.of(large.get(1).on("cpu")), null).provider())
                .isNull();
    }

    @Test
    void shouldAskTheConfigurationForItsCandidates() {
        BackendCandidates config = new BackendCandidates() {
            @Override
            public Optional<ProviderKind> provider() {
                return Optional.of(HF);
            }

            @Override
            public List<BackendFacts> backends() {
                return both(5_000_000_000L);
            }
        };

        BackendChoice choice = linux.selectBackend(config);
        assertThat(choice.provider()).isNull();
        assertThat(choice.reasons())
                .extracting(BackendChoice.Reason::why)
                .containsExactly("not asked for: hf is", "the model needs 5.0 GB, but 4.1 GB are available");
    }

    @Test
    void shouldTakeAnotherBackendWhenTheModelIsSmallerThere() {
        List<BackendFacts> facts = List.of(
                BackendFacts.ready(MLX).needing(2_000_000_000L),
                BackendFacts.ready(HF).needing(9_000_000_000L));

        assertThat(linux.selectBackend(facts, null).provider()).isEqualTo(MLX);
        assertThat(linux.selectBackend(facts, HF).provider()).isNull();
    }

    @Test
    void shouldTakeNoneWhenTheModelDoesNotFit() {
        BackendChoice choice = linux.selectBackend(both(5_000_000_000L), null);

        assertThat(choice.provider()).isNull();
        assertThat(choice.device()).isNull();
        assertThat(choice.reasons())
                .extracting(BackendChoice.Reason::why)
                .containsOnly("the model needs 5.0 GB, but 4.1 GB are available");
    }

    @Test
    void shouldHeedTheGpusLimit() {
        assertThat(mac("hw.optional.arm64: 1\niogpu.wired_limit_mb: 4096\n")
                        .selectBackend(both(5_000_000_000L), null)
                        .reasons())
                .extracting(BackendChoice.Reason::why)
                .containsOnly("the model needs 5.0 GB, but the GPU should use at most 4.3 GB (iogpu.wired_limit_mb)");
        assertThat(mac("hw.optional.arm64: 1\nhw.memsize: 8589934592\n")
                        .selectBackend(both(6_000_000_000L), null)
                        .reasons())
                .extracting(BackendChoice.Reason::why)
                .containsOnly("the model needs 6.0 GB, but the GPU should use at most 5.7 GB"
                        + " (an estimate of macOS's recommendation)");
    }

    @Test
    void shouldTakeNoneWhenThereAreNone() {
        assertThat(linux.selectBackend(List.of(), null)).isEqualTo(new BackendChoice(null, null, List.of()));
    }

    private static List<BackendFacts> both(long neededBytes) {
        return BOTH.stream().map(fact -> fact.needing(neededBytes)).toList();
    }

    private static DeviceManager mac(String sysctl) {
        return new DeviceManager(new FakeMachine("Mac OS X", sysctl.contains("translated") ? "x86_64" : "aarch64")
                .with("/usr/sbin/sysctl", sysctl)
                .with("/usr/bin/vm_stat", VM_STAT));
    }
}
