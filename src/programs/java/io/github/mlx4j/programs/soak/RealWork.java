package io.github.mlx4j.programs.soak;

import io.github.mlx4j.generation.FinishReason;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.ResponseFormat;
import io.github.mlx4j.it.Fixture;
import java.util.List;
import java.util.SplittableRandom;

/** The questions for which the greedy answers of the small real model are known. */
final class RealWork implements WorkSource {

    private final List<Fixture.Known> known = Fixture.knownAnswers();
    private final Fixture.Known story = Fixture.known(Fixture.STORY);

    @Override
    public Work good(SplittableRandom random) {
        return random.nextInt(5) == 0 ? held(random) : of(known.get(random.nextInt(known.size())));
    }

    @Override
    public Work lasting(SplittableRandom random) {
        return of(story);
    }

    @Override
    public Work bad(SplittableRandom random) {
        return bad(random.nextBoolean() ? GenerationRequest.raw("") : GenerationRequest.chat(List.of()));
    }

    @Override
    public Work faulty(SplittableRandom random, Fault fault) {
        throw new UnsupportedOperationException("the real worker takes no scripts");
    }

    static Work bad(GenerationRequest request) {
        return new Work(request, "", null, FinishReason.STOP, Work.Nature.BAD, null);
    }

    /** Returns a request whose response format permits only one answer. */
    private Work held(SplittableRandom random) {
        Fixture.Known asked = known.get(random.nextInt(known.size()));
        String text = story.text().substring(0, random.nextInt(1, 80));
        GenerationRequest request = asked.request().toBuilder()
                .responseFormat(ResponseFormat.choice(text))
                .build();
        return new Work(request, text, null, FinishReason.STOP, Work.Nature.GOOD, null);
    }

    private static Work of(Fixture.Known known) {
        return new Work(
                known.request(),
                known.text(),
                known.thinking(),
                known.tokens(),
                FinishReason.STOP,
                Work.Nature.GOOD,
                null);
    }
}
