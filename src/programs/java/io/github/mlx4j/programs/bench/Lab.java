package io.github.mlx4j.programs.bench;

import io.github.mlx4j.it.Fixture;
import io.github.mlx4j.provider.ProviderKind;
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

/** The environment shared by all scenarios: the model, its arms, prompts, and the number of repetitions. */
final class Lab implements AutoCloseable {

    static final int PARITY_TOKENS = 64;

    final Options options;
    final Report report;
    final Random random;
    final String model;
    final Path python = Fixture.python(ProviderKind.MLX);
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

    Lab(Options options, Report report) throws IOException {
        this.options = options;
        this.report = report;
        this.random = new Random(options.seed());
        copy = Files.createTempDirectory("mlx4j-bench-");
        model = options.isFixture() ? BenchModel.endless(Fixture.MODEL, copy).toString() : options.model();
        Files.createDirectories(options.out());
        alone = new InProcessArm(python, model, false, log("stream_generate"));
        together = new InProcessArm(python, model, true, log("BatchGenerator"));
        prompts = new Prompts(alone, options.seed());
        mlx4j = new Mlx4jArm(model);
        arms.addAll(List.of(alone, together));
        arms.add(mlx4j);
        open(ServerArm.NAME, log -> new ServerArm(python, model, log));
        open(LangChainArm.NAME, log -> new LangChainArm(python, model, log));
        Peers peers = new Peers(System.getenv());
        open(Peers.SERVE_NAME, log -> peers.transformersServe(model, log));
        open(JavaLlamaArm.NAME, log -> peers.javaLlama());
        open(NodeLlamaArm.NAME, peers::nodeLlama);
        open(OllamaArm.NAME, log -> new OllamaArm(OllamaArm.DEFAULT, options.ollamaModel()));
    }

    /** Returns the arms that can serve this many callers. */
    List<Arm> arms(int callers) {
        return arms.stream().filter(arm -> arm.serves(callers)).toList();
    }

    /** Returns the arm with this name, or null. */
    @Nullable
    Arm arm(String name) {
        return arms.stream().filter(arm -> arm.name().equals(name)).findFirst().orElse(null);
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
     * Checks, before anything is measured, that every arm gives the answers of stream_generate: with a single caller,
     * and with concurrent callers if the arm supports them. With the small model, an arm with different answers is
     * excluded. The check also warms up all arms.
     */
    void checkParity() {
        Table table = report.table(
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
                List<Answer> all = arm.serves(8) ? arm.ask(asked, PARITY_TOKENS).answers() : one;
                long lost = all.stream().filter(answer -> answer.lost() != null).count();
                table.row(
                        arm.name(),
                        same(wanted, one) + " of 8",
                        arm.serves(8) ? same(wanted, all) + " of " + (8 - lost) + lost(lost) : "–",
                        one.get(0).tokens() == null ? "text" : "token ids");
                if (same(wanted, one) < 8 && options.isFixture()) {
                    leaveOut(arm, "its answers are not stream_generate's");
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

    /**
     * Runs pairs of rounds and returns each arm's answers to the same prompts, one map per pair. An arm that fails is
     * excluded.
     */
    List<Map<Arm, Round>> pairs(List<Arm> arms, int blocks, int callers, int promptTokens, int maxTokens) {
        List<Map<Arm, Round>> pairs = new ArrayList<>();
        for (int block = 0; block < blocks; block++) {
            for (List<Arm> order : abba(arms)) {
                List<String> asked = prompts.fresh(promptTokens, callers);
                Map<Arm, Round> pair = new LinkedHashMap<>();
                order.stream().filter(this.arms::contains).forEach(arm -> ask(arm, asked, maxTokens, pair));
                pairs.add(pair);
            }
        }
        return pairs;
    }

    private void ask(Arm arm, List<String> asked, int maxTokens, Map<Arm, Round> pair) {
        try {
            pair.put(arm, arm.ask(asked, maxTokens));
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
        report.note(arm.name(), "left out: " + why);
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
