package io.github.mlx4j.programs.acceptance;

import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.compare.ComparedModel;
import io.github.mlx4j.compare.ModelVerifier;
import io.github.mlx4j.compare.Prompts;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.WorkerDiedException;
import io.github.mlx4j.generation.GenerationEvent;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.generation.GenerationStream;
import io.github.mlx4j.it.Fixture;
import io.github.mlx4j.port.TextGenerationPort;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * Gives {@code scripts/acceptance} what the command line does not offer. It prints one JSON object per line, and is
 * configured by environment variables.
 *
 * <ul>
 *   <li>{@code known BATCH}: the known greedy answers of the small model, BATCH requests at a time
 *   <li>{@code compare TOLERANCE}: compares logits and greedy text of mlx and hf, with the environment's TF32 and
 *       device settings
 *   <li>{@code answers SECONDS TOKENS}: generates answers of this many tokens, one after another, for this long. The
 *       first line contains the worker's process ID; a line is printed when each answer begins and ends.
 * </ul>
 */
public final class AcceptanceProgram {

    private static final JsonMapper JSON = new JsonMapper();
    private static final int END_TOKEN = 2; // end token of the small model

    private AcceptanceProgram() {}

    /** Runs the program. */
    public static void main(String[] args) throws Exception {
        try {
            switch (args[0]) {
                case "known" -> known(Integer.parseInt(args[1]));
                case "compare" -> compare(Double.parseDouble(args[1]));
                case "answers" -> answers(Integer.parseInt(args[1]), Integer.parseInt(args[2]));
                default -> throw new IllegalArgumentException(args[0]);
            }
        } catch (Mlx4jException failure) {
            System.err.println(failure.code() + ": " + failure.getMessage());
            System.exit(1);
        }
    }

    private static void known(int batch) throws Exception {
        List<Fixture.Known> all = Fixture.knownAnswers();
        try (ProviderFactory providers = ProviderFactory.fromEnv()) {
            TextGenerationPort llm = providers.createTextGenerationAdapter();
            for (int from = 0; from < all.size(); from += batch) {
                List<Fixture.Known> some = all.subList(from, Math.min(from + batch, all.size()));
                List<CompletableFuture<GenerationResult>> answers = some.stream()
                        .map(one -> llm.generateAsync(one.request()))
                        .toList();
                for (int i = 0; i < some.size(); i++) {
                    print(compared(some.get(i), answers.get(i).get(5, TimeUnit.MINUTES)));
                }
            }
        }
    }

    private static Map<String, Object> compared(Fixture.Known known, GenerationResult answer) {
        int same = 0;
        int most = Math.min(known.tokens().size(), answer.tokens().size());
        while (same < most && known.tokens().get(same).equals(answer.tokens().get(same))) {
            same++;
        }
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("prompt", known.messages().get(known.messages().size() - 1).content());
        line.put("same", known.text().equals(answer.text()) && known.tokens().equals(answer.tokens()));
        line.put("tokens", known.tokens().size());
        line.put("sameTokens", same);
        line.put("text", answer.text());
        line.put("device", answer.backend().device());
        return line;
    }

    private static void compare(double tolerance) throws Exception {
        try (ProviderFactory mlx = providers("mlx");
                ProviderFactory hf = providers("hf")) {
            print(JSON.convertValue(
                    ModelVerifier.verify(side("A", mlx), side("B", hf), Prompts.builtIn(true), tolerance, 32),
                    Map.class));
        }
    }

    private static ProviderFactory providers(String kind) {
        Map<String, String> settings = ProviderConfig.environment();
        settings.put("TASK_ORCHESTRATOR_PROVIDER", kind);
        return ProviderFactory.create(ProviderConfig.fromEnv(settings));
    }

    private static ComparedModel side(String name, ProviderFactory providers) {
        return new ComparedModel(
                name,
                providers.createTextGenerationAdapter(),
                providers.createTokenizer(),
                providers.createAnalysisAdapter());
    }

    private static void answers(int seconds, int tokens) throws Exception {
        GenerationRequest request = GenerationRequest.builder()
                .user(Fixture.STORY)
                .maxTokens(tokens)
                .logitBias(Map.of(END_TOKEN, -100.0))
                .build();
        try (ProviderFactory providers = ProviderFactory.fromEnv()) {
            TextGenerationPort llm = providers.createTextGenerationAdapter();
            providers.warmUp();
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
            List<String> texts = new ArrayList<>();
            while (System.nanoTime() - end < 0) {
                print(answer(llm, request, texts));
            }
        }
    }

    private static Map<String, Object> answer(TextGenerationPort llm, GenerationRequest request, List<String> texts)
            throws Exception {
        long begun = System.nanoTime();
        long begunWall = System.currentTimeMillis();
        Map<String, Object> line = new LinkedHashMap<>();
        try (GenerationStream stream = llm.stream(request)) {
            boolean first = true;
            for (GenerationEvent event : stream) {
                if (first && event instanceof GenerationEvent.Text) {
                    first = false;
                    print(Map.of("event", "begun", "worker", worker()));
                }
            }
            texts.add(stream.result().text());
            line.put("event", "answered");
            line.put("tokens", stream.result().tokens().size());
            line.put("same", texts.get(0).equals(stream.result().text()));
            if (texts.size() > 1) {
                texts.remove(1);
            }
        } catch (Mlx4jException failure) {
            line.put("event", "failed");
            line.put("code", failure.code());
            line.put("message", failure.getMessage());
            if (failure instanceof WorkerDiedException died) {
                line.put("exitCode", died.exitCode());
                line.put("standardError", died.standardError());
            }
        }
        line.put("seconds", (System.nanoTime() - begun) / 1e9);
        line.put("wallSeconds", (System.currentTimeMillis() - begunWall) / 1e3);
        return line;
    }

    private static long worker() {
        return ProcessHandle.current()
                .children()
                .findFirst()
                .map(ProcessHandle::pid)
                .orElse(-1L);
    }

    private static void print(Map<?, ?> line) throws Exception {
        System.out.println(JSON.writeValueAsString(line));
        System.out.flush();
    }
}
