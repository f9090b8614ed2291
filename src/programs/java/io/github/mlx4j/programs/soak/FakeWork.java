package io.github.mlx4j.programs.soak;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.generation.FinishReason;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.Prompt;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;

/** Scripts for the worker without ML packages: what to answer, and how to fail. */
final class FakeWork implements WorkSource {

    private static final JsonMapper JSON = new JsonMapper();
    private static final int[] ALPHABET = "abcdefghij KLMNOP 0123456789 .,;!?\"\\{}\n äöüßé αβγ 漢字 🙂🚀"
            .codePoints()
            .toArray();

    private final Path folder;
    private final AtomicInteger onces = new AtomicInteger();

    /** Creates the source; files in the folder record whether a fault has happened. */
    FakeWork(Path folder) {
        this.folder = folder;
    }

    @Override
    public Work good(SplittableRandom random) {
        String say = text(random, random.nextInt(120));
        Map<String, Object> script = script(random, say);
        int length = say.codePointCount(0, say.length());
        return switch (random.nextInt(8)) {
            case 0 -> echo(random, "_" + say);
            case 1 -> {
                int most = 1 + random.nextInt(length + 2);
                String cut = say.substring(0, say.offsetByCodePoints(0, Math.min(most, length)));
                FinishReason reason = most <= length ? FinishReason.LENGTH : FinishReason.STOP;
                yield good(request(random, script).maxTokens(most), cut, reason);
            }
            case 2 -> {
                String stop = text(random, 1 + random.nextInt(2));
                int at = say.indexOf(stop);
                GenerationRequest request = request(random, script).stop(stop).build();
                String cut = at < 0 ? say : say.substring(0, at);
                yield new Work(request, cut, null, FinishReason.STOP, Work.Nature.GOOD, null);
            }
            default -> good(request(random, script), say, FinishReason.STOP);
        };
    }

    @Override
    public Work lasting(SplittableRandom random) {
        String say = text(random, random.nextInt(30));
        Map<String, Object> script = script(random, say);
        script.put("pause", true);
        int after = random.nextInt(say.codePointCount(0, say.length()) + 1);
        script.put("after", after);
        String before = say.substring(0, say.offsetByCodePoints(0, after));
        GenerationRequest request = request(random, script).build();
        return new Work(request, before, null, FinishReason.STOP, Work.Nature.ENDLESS, null);
    }

    @Override
    public Work bad(SplittableRandom random) {
        return switch (random.nextInt(3)) {
            case 0 -> RealWork.bad(GenerationRequest.raw(""));
            case 1 -> RealWork.bad(GenerationRequest.tokens(-1));
            default ->
                RealWork.bad(GenerationRequest.builder().user("x").maxTokens(0).build());
        };
    }

    @Override
    public Work faulty(SplittableRandom random, Fault fault) {
        String say = text(random, random.nextInt(4) == 0 ? 0 : random.nextInt(60));
        Map<String, Object> script = script(random, say);
        boolean early = random.nextBoolean();
        script.put("after", early ? 0 : random.nextInt(say.codePointCount(0, say.length()) + 1));
        if (random.nextBoolean()) {
            script.put("once", folder.resolve("once-" + onces.incrementAndGet()).toString());
        }
        switch (fault) {
            case KILL -> script.put("signal", 9);
            case EXIT -> script.put("exit", 3);
            case RAISE -> script.put("raise", "by the soak");
            case HANG -> script.put("hang", true);
            case GIL -> script.put("gil", 5);
            case GIL_SHORT -> script.put("gil", 1);
            case JUNK -> script.put("wire", random.nextBoolean() ? "junk line\n" : "{\"jsonrpc\":\"2.0\"}\n\n");
            case JUNK_FLOOD -> script.put("wire", "junk\n".repeat(70));
            case TORN -> script.put("wire", "{\"torn\":");
            case STDERR -> script.put("stderr", "flood ".repeat(400));
            default -> throw new IllegalArgumentException(fault + " can't be scripted");
        }
        Work work = good(request(random, script), say, FinishReason.STOP);
        return new Work(work.request(), work.text(), work.tokens(), work.reason(), work.nature(), fault);
    }

    private static Map<String, Object> script(SplittableRandom random, String say) {
        Map<String, Object> script = new LinkedHashMap<>();
        script.put("say", say);
        if (random.nextInt(4) == 0) {
            script.put("stepMs", 1 + random.nextInt(3));
        }
        return script;
    }

    private static GenerationRequest.Builder request(SplittableRandom random, Map<String, Object> script) {
        try {
            String prompt = JSON.writeValueAsString(script);
            return random.nextBoolean()
                    ? GenerationRequest.builder().user(prompt)
                    : GenerationRequest.builder().prompt(new Prompt.Raw(prompt));
        } catch (JsonProcessingException error) {
            throw new IllegalStateException(error);
        }
    }

    private static Work echo(SplittableRandom random, String text) {
        GenerationRequest request = random.nextBoolean()
                ? GenerationRequest.raw(text)
                : GenerationRequest.tokens(text.codePoints().boxed().toArray(Integer[]::new));
        return good(request.toBuilder(), text, FinishReason.STOP);
    }

    private static Work good(GenerationRequest.Builder request, String text, FinishReason reason) {
        List<Integer> tokens = text.codePoints().boxed().toList();
        return new Work(request.build(), text, tokens, reason, Work.Nature.GOOD, null);
    }

    private static String text(SplittableRandom random, int length) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < length; i++) {
            text.appendCodePoint(ALPHABET[random.nextInt(ALPHABET.length)]);
        }
        return text.toString();
    }
}
