package io.github.mlx4j.programs.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mlx4j.it.Fixture;
import io.github.mlx4j.provider.ProviderKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BenchTest {

    private static final long MS = 1_000_000;

    @Test
    void shouldRunEverythingWithTheSmallModelWhenNothingIsAsked() {
        Options options = Options.parse();

        assertThat(options.isFixture()).isTrue();
        assertThat(options.quick()).isFalse();
        assertThat(options.only()).containsExactlyElementsOf(Options.SCENARIOS);
        assertThat(options.engines()).containsExactly(ProviderKind.MLX, ProviderKind.HF);
    }

    @Test
    void shouldTakeEveryOptionWhenGiven(@TempDir Path folder) {
        Options options = Options.parse(
                "--quick", "--model", folder.toString(), "--only", "turn,stall", "--out", "there", "--seed", "7");

        assertThat(options.quick()).isTrue();
        assertThat(options.isFixture()).isFalse();
        assertThat(options.model()).isEqualTo(folder.toString());
        assertThat(options.only()).containsExactly("turn", "stall");
        assertThat(options.out()).isEqualTo(Path.of("there"));
        assertThat(options.seed()).isEqualTo(7);
    }

    @Test
    void shouldMeasureChunksTooWhenCancelsAreAsked() {
        assertThat(Options.parse("--only", "cancel").only()).containsExactly("cancel", "stall");
    }

    @ParameterizedTest
    @ValueSource(strings = {"--slow", "--only", "--only nothing", "--seed x", "--engine ollama", "--fast 1"})
    void shouldRefuseWhenACommandLineCantBeUnderstood(String line) {
        assertThatThrownBy(() -> Options.parse(line.split(" "))).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void shouldHaveALimitOfAKnownScenarioWhenThereIsALimit() {
        assertThat(Arrays.stream(Limit.values()).map(limit -> limit.scenario)).isSubsetOf(Options.SCENARIOS);
        assertThat(Bench.SCENARIOS.keySet()).containsExactlyElementsOf(Options.SCENARIOS);
    }

    @Test
    void shouldLimitOnlyWhatAScenarioMeasuresWhenThereIsALimit() {
        for (Limit limit : Limit.values()) {
            for (ProviderKind engine : List.of(ProviderKind.MLX, ProviderKind.HF)) {
                boolean measured = Bench.SCENARIOS.get(limit.scenario).measures(engine);
                assertThat(measured || limit.bounds(engine) == null)
                        .as(limit.name() + " on " + engine)
                        .isTrue();
                assertThat(limit.what(engine)).doesNotContain("$s", "%%");
            }
        }
    }

    @Test
    void shouldArriveInOrderAtTheMeanRateWhenRequestsAreDrawn() {
        Random random = new Random(3);

        List<Double> means = IntStream.range(0, 200)
                .mapToObj(i -> Arrivals.requests(tokens -> "x".repeat(tokens), random, 40))
                .peek(requests -> assertThat(requests)
                        .isSortedAccordingTo(Comparator.comparing(Request::afterMs))
                        .allSatisfy(
                                request -> assertThat(request.prompt().length()).isBetween(10, 109)))
                .map(requests -> requests.get(requests.size() - 1).afterMs() / (double) requests.size())
                .toList();

        assertThat(means.stream().mapToDouble(Double::doubleValue).average().orElseThrow())
                .isBetween(38.0, 42.0);
    }

    @Test
    void shouldTakeGapsOfThePeriodWhenTimesAreGiven() {
        List<Long> times = new ArrayList<>();
        IntStream.rangeClosed(0, 50).forEach(i -> times.add(i * MS));
        times.add(80 * MS); // the first gap of the second period is a stall
        IntStream.rangeClosed(1, 20).forEach(i -> times.add((80 + 2 * i) * MS));

        assertThat(Beside.gap(List.of(times), 0, 50 * MS)).isEqualTo(1);
        assertThat(Beside.gap(List.of(times), 50 * MS + 1, 100 * MS)).isEqualTo((30 + 10 * 2) / 11.0);
        assertThat(Beside.gap(List.of(times), 51 * MS, 52 * MS))
                .as("a period within a gap")
                .isEqualTo(30);
    }

    @Test
    void shouldTellTimesAsDefinedWhenAnAnswerCame() {
        Answer answer = new Answer("abc", List.of(1, 2, 3), 3, new long[] {20 * MS, 24 * MS, 30 * MS}, 31 * MS, null);

        assertThat(answer.firstMs()).isEqualTo(20);
        assertThat(answer.perTokenMs()).isEqualTo(5);
        assertThat(answer.gapsMs()).containsExactly(4, 6);
    }

    @Test
    void shouldIgnoreAnswersWithoutATimePerTokenWhenOthersHaveOne() {
        Answer one = new Answer("a", List.of(1), 1, new long[] {20 * MS}, 21 * MS, null);
        Answer three = new Answer("abc", List.of(1, 2, 3), 3, new long[] {20 * MS, 24 * MS, 30 * MS}, 31 * MS, null);

        assertThat(new Round(List.of(one), MS).hasTimePerToken()).isFalse();
        assertThat(new Round(List.of(one, three), MS).hasTimePerToken()).isTrue();
        assertThat(new Round(List.of(one, three), MS).perTokenMs()).isEqualTo(5);
    }

    @Test
    void shouldSayWhatIsWrongWhenAnOptionIsInvalid() {
        assertThatThrownBy(() -> Options.parse("--only", "turn,nothing"))
                .hasMessage("--only: no such scenario: nothing");
        assertThatThrownBy(() -> Options.parse("--seed", "x")).hasMessage("--seed must be a whole number, not x");
    }

    @Test
    void shouldCountByTheServersUsageWhenThereAreNoIds() {
        Recording recording = new Recording();
        recording.piece("", List.of());
        recording.piece("two tokens", List.of());
        recording.count(2);

        Answer answer = recording.answer();

        assertThat(answer.count()).isEqualTo(2);
        assertThat(answer.arrivals()).as("an empty piece is no first token").hasSize(1);
        assertThat(answer.tokens()).isNull();
    }

    @Test
    void shouldCompareTextOnlyWhenOneHasNoIds() {
        Answer ids = new Answer("ab", List.of(1, 2), 2, new long[] {1}, 2, null);

        assertThat(ids.sameAs(new Answer("ab", List.of(9), 1, new long[] {1}, 2, null)))
                .isFalse();
        assertThat(ids.sameAs(new Answer("ab", null, 2, new long[] {1}, 2, null)))
                .isTrue();
    }

    @Test
    void shouldCountWhatIsLostWhenCallersAskAtOnce() {
        Round round = Round.of(IntStream.range(0, 4)
                .mapToObj(i -> (Callable<Answer>) () -> {
                    Recording recording = new Recording();
                    recording.piece("x", List.of(i));
                    return i == 0 ? recording.lost(new IOException("reset")) : recording.answer();
                })
                .toList());

        assertThat(round.lost()).isEqualTo(1);
        assertThat(round.whole()).hasSize(3);
    }

    @Test
    void shouldMatchCallsToCallersByTheirOrderWhenStampsAreRead() {
        List<String> stamps = List.of("9 0 1000", "10 0 1500", "9 1 3000", "10 1 4000");

        List<Double> added = AddedLatency.added(stamps, List.of(List.of(2000L, 5000L), List.of(2500L, 4500L)));

        assertThat(added).containsExactly(1.0, 2.0, 1.0, 0.5);
        assertThatThrownBy(() -> AddedLatency.added(stamps, List.of(List.of(2000L), List.of(2500L))))
                .hasMessageContaining("2 chunks were sent, but 1 came");
    }

    @Test
    void shouldFindTheLongestChunkThoughAMessageIsMissing() {
        List<Long> at = List.of(0L, 100_000_000L, 220_000_000L, 320_000_000L, 520_000_000L);
        Stall.Told told = new Stall.Told(List.of(48, 96, 160, 208, 304), at);
        assertThat(told.tokens()).isEqualTo(64);
        assertThat(told.ms()).isEqualTo(110);
        assertThatThrownBy(() -> new Stall.Told(List.of(128), List.of(0L)).tokens())
                .hasMessageContaining("[128]");
    }

    @Test
    void shouldNeverEndWhenTheSmallModelIsCopied(@TempDir Path folder) throws IOException {
        BenchModel.endless(Fixture.MODEL, folder, false);

        assertThat(Files.readString(folder.resolve("config.json"))).contains("\"eos_token_id\":0");
        assertThat(Files.readString(folder.resolve("tokenizer.json"))).doesNotContain("<think>", "<tool_call>");
        assertThat(BenchModel.hash(folder)).hasSize(64).isNotEqualTo(BenchModel.hash(Fixture.MODEL));
    }

    @Test
    void shouldSeeThisProcessWhenMemoryIsAsked() throws IOException {
        double mb = Machine.residentMb(ProcessHandle.current().pid());

        assertThat(mb).isBetween(20.0, 20_000.0);
        assertThat(Machine.cpu()).isNotBlank();
    }
}
