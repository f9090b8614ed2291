package io.github.mlx4j.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mlx4j.testing.ScriptedTextGeneration;
import java.lang.reflect.Method;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class SignaturesTest {

    static List<Object> models() {
        ScriptedTextGeneration llm = ScriptedTextGeneration.answering();
        return List.of(
                Mlx4jChatModel.builder(llm).build(),
                Mlx4jStreamingChatModel.builder(llm).build(),
                Mlx4jEmbeddingModel.builder(texts -> List.of()).build(),
                Mlx4jScoringModel.builder(request -> {
                            throw new IllegalStateException();
                        })
                        .build());
    }

    /** As Spring and Mockito do it. */
    @ParameterizedTest
    @MethodSource("models")
    void shouldHaveSignaturesThatCanBeReadWithEveryVersion(Object model) {
        for (Class<?> type = model.getClass(); type != Object.class; type = type.getSuperclass()) {
            assertThat(type.getDeclaredMethods())
                    .extracting(Method::toGenericString)
                    .isNotEmpty();
        }
    }
}
