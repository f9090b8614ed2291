package io.github.mlx4j.programs.bench;

import io.github.mlx4j.it.Fixture;
import io.github.mlx4j.provider.ProviderKind;
import io.github.mlx4j.report.Interval;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** The environment of all scenarios on an engine: the model, its arms, prompts, and the number of repetitions. */
final class Lab implements AutoCloseable {

    static final int PARITY_TOKENS = 64;

    final ProviderKind engine;
    final Options options;
    final Report report;
    final Random random;
    final String model;
    final Path python;
    final InProcessArm alone;
    final InProcessArm together;
    final Prompts prompts;
    final Mlx4jArm mlx4j;

    private final Path copy;
    private final List<Arm> arms = new ArrayList<>();
    private @Nullable Chunk chunk;

    /** Creates an arm, or throws the reason why it is unavailable. */
    private interface Opening {
        Arm open(Path log) throws Exception;
    }

    /**
     * The part of a prefill without neighbours that is computed between two checks for cancellation.
     *
     * @param tokens the number of tokens in a chunk
     * @param ms the duration of a chunk in milliseconds
     */
    record Chunk(int tokens, double ms) {}

    Lab(ProviderKind engine, Options options, Report report) throws IOException {
        this.engine = engine;
        this.options = options;
        this.report = report;
        this.random = new Random(options.seed());
        python = Fixture.python(engine);
        copy = Files.createTempDirectory("mlx4j-bench-");
        model = options.isFixture()
                ? BenchModel.endless(Fixture.MODEL, copy.resolve("plain"), false)
                        .toString()
                : options.model();
        Files.createDirectories(options.out());
        alone = InProcessArm.start(engine, false, python, model, log(engine.id() + "-alone"));
        together = InProcessArm.start(engine, true, python, model, log(engine.id() + "-together"));
        prompts = new Prompts(alone, options.seed());
        mlx4j = new Mlx4jArm(engine, model);
        arms.addAll(List.of(alone, together, mlx4j));
        Peers peers = new Peers(System.getenv());
        if (engine == ProviderKind.HF) {
            open(Peers.SERVE_NAME, log -> peers.transformersServe(model, log));
            return;
        }
        open(ServerArm.NAME, log -> new ServerArm(python, model, log));
        open(LangChainArm.NAME, log -> new LangChainArm(python, model, log));
        open(JavaLlamaArm.NAME, log -> peers.javaLlama());
        open(NodeLlamaArm.NAME, peers::nodeLlama);
        open(OllamaArm.NAME, log -> new OllamaArm(OllamaArm.DEFAULT, options.ollamaModel()));
    }

    /** Returns the arms that can serve this many callers with this sampling. */
    List<Arm> arms(int callers, Sampling sampling) {
        return arms.stream().filter(arm -> arm.serves(callers, sampling)).toList();
    }

    /** Returns the library's own server, or null if it is not installed. */
    @Nullable
    Arm server() {
        String name = Baseline.of(engine).server();
        return arms.stream().filter(arm -> arm.name().equals(name)).findFirst().orElse(null);
    }

    /** Adds a table of this engine to the report. */
    Table table(String title, String... columns) {
        return report.table(engine.id() + ": " + title, columns);
    }

    /** Adds raw measured values of this engine to the report. */
    void raw(String scenario, String arm, String what, double... values) {
        report.raw(engine.id() + ": " + scenario, arm, what, values);
    }

    /** Adds a chart of this engine to the report. */
    void chart(String name, String svg) {
        report.chart(engine.id() + "-" + name, svg);
    }

    /** Adds a measurement of this engine that has limits, taken from {@code n} values. */
    void measured(Limit limit, Interval figure, int n, String note) {
        report.measured(engine, limit, figure, n, note);
    }

    /** Starts mlx4j with the small model, whose answers may contain thinking and tool calls. */
    Mlx4jArm withTools() throws IOException {
        Path tagged = BenchModel.endless(Fixture.MODEL, copy.resolve("with-tools"), true);
        return new Mlx4jArm(engine, tagged.toString());
    }

    int count(int quick, int full) {
        return options.quick() ? quick : full;
    }

    /** Returns the prefill chunk, or null before a scenario has measured it. */
    @Nullable
    Chunk chunk() {
        return chunk;
    }

    void chunk(Chunk found) {
        chunk = found;
    }

    /**
     * Checks, before anything is measured, that every arm gives the answers of the first one: with a single caller, and
     * with concurrent callers if the arm supports them. With the small model, an arm with different answers is
     * excluded. The check also warms up all arms.
     */
    void checkParity() {
        Table table = table(
                "Equal output, before timing (greedy, %d tokens)".formatted(PARITY_TOKENS),
                "arm",
                "alone",
                "8 at once",
                "compared by");
        List<String> asked = new ArrayList<>(prompts.fresh(30, 8));
        asked.set(7, prompts.fresh(300));
        List<Answer> wanted = asked.stream()
                .map(prompt ->
                        alone.ask(List.of(prompt), PARITY_TOKENS).answers().get(0))
                .toList();
        for (Arm arm : List.copyOf(arms)) {
            if (!arm.sameModel()) {
                table.row(arm.name(), "not compared: another format of the model");
                continue;
            }
            try {
                List<Answer> one = asked.stream()
                        .map(prompt -> arm.ask(List.of(prompt), PARITY_TOKENS)
                                .answers()
                                .get(0))
                        .toList();
                List<Answer> all = arm.serves(8, Sampling.GREEDY)
                        ? arm.ask(asked, PARITY_TOKENS).answers()
                        : one;
                long lost = all.stream().filter(answer -> answer.lost() != null).count();
                table.row(
                        arm.name(),
                        same(wanted, one) + " of 8",
                        arm.serves(8, Sampling.GREEDY) ? same(wanted, all) + " of " + (8 - lost) + lost(lost) : "–",
                        one.get(0).tokens() == null ? "text" : "token ids");
                if (same(wanted, one) < 8 && options.isFixture()) {
                    leaveOut(arm, "its answers differ from those of " + alone.name());
                }
            } catch (RuntimeException failure) {
                leaveOut(arm, failure.toString());
            }
        }
    }

    @Override
    public void close() {
        Set<Arm> all = new LinkedHashSet<>(arms);
        all.addAll(List.of(alone, mlx4j)); // even if they were excluded
        all.forEach(Arm::close);
        try (var files = Files.walk(copy)) {
            files.sorted(Comparator.reverseOrder())
                    .forEach(file -> file.toFile().delete());
        } catch (IOException left) {
            report.note(copy.toString(), "could not be removed");
        }
    }

    static String lost(long lost) {
        return lost == 0 ? "" : ", " + lost + " lost";
    }

    /** Returns the order of the arms in a pair of rounds: a random order, followed by its reverse. */
    List<List<Arm>> abba(List<Arm> arms) {
        List<Arm> there = new ArrayList<>(arms);
        Collections.shuffle(there, random);
        List<Arm> back = new ArrayList<>(there);
        Collections.reverse(back);
        return List.of(there, back);
    }

    /** Creates the requests of a round. */
    interface Asking {
        List<Request> requests();
    }

    /** Returns as many greedy requests for prompts of this length as there are callers. */
    Asking greedy(int callers, int promptTokens, int maxTokens) {
        return () -> prompts.fresh(promptTokens, callers).stream()
                .map(prompt -> Request.greedy(prompt, maxTokens))
                .toList();
    }

    /**
     * Runs pairs of rounds and returns each arm's answers to the same requests, one map per pair. An arm that fails is
     * excluded.
     */
    List<Map<Arm, Round>> pairs(List<Arm> arms, int blocks, Asking asking) {
        List<Map<Arm, Round>> pairs = new ArrayList<>();
        for (int block = 0; block < blocks; block++) {
            for (List<Arm> order : abba(arms)) {
                List<Request> asked = asking.requests();
                Map<Arm, Round> pair = new LinkedHashMap<>();
                order.stream().filter(this.arms::contains).forEach(arm -> ask(arm, asked, pair));
                pairs.add(pair);
            }
        }
        return pairs;
    }

    private void ask(Arm arm, List<Request> asked, Map<Arm, Round> pair) {
        try {
            pair.put(arm, arm.ask(asked));
        } catch (RuntimeException failure) {
            leaveOut(arm, failure.toString());
        }
    }

    private static long same(List<Answer> wanted, List<Answer> got) {
        return IntStream.range(0, wanted.size())
                .filter(i -> wanted.get(i).sameAs(got.get(i)))
                .count();
    }

    private void leaveOut(Arm arm, String why) {
        report.note(engine.id() + ": " + arm.name(), "left out: " + why);
        if (arms.remove(arm) && arm != alone && arm != mlx4j) {
            arm.close();
        }
    }

    private void open(String name, Opening opening) {
        try {
            arms.add(opening.open(log(name.replaceAll("\\W+", "-"))));
        } catch (Exception error) {
            report.note(name, String.valueOf(error.getMessage()));
        }
    }

    private Path log(String name) {
        return options.out().resolve(name + ".log");
    }
}
