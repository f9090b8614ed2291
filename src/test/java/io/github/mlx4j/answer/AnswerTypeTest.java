package io.github.mlx4j.answer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.UnreadableAnswerException;
import io.github.mlx4j.generation.FinishReason;
import io.github.mlx4j.generation.GenerationRequest;
import io.github.mlx4j.generation.GenerationResult;
import io.github.mlx4j.generation.Message;
import io.github.mlx4j.generation.Prompt;
import io.github.mlx4j.generation.Timings;
import io.github.mlx4j.generation.Usage;
import io.github.mlx4j.provider.Backend;
import io.github.mlx4j.provider.ProviderKind;
import java.math.BigDecimal;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class AnswerTypeTest {

    private enum Unit {
        GRAM,
        PIECE {
            @Override
            public String toString() {
                return "each";
            }
        }
    }

    @Description("what goes into it")
    private record Ingredient(String name, double amount, Unit unit) {}

    private record Recipe(
            @Description("what it is called") @Size(min = 1, max = 80)
            String title,

            @Size(min = 1, max = 9) List<Ingredient> ingredients,
            @Size(max = 4) Set<@Size(max = 20) String> tags,
            Map<String, Integer> minutes,

            @Description("in the oven") Optional<@Size(max = 30) String> heat,
            boolean vegan,
            Optional<Ingredient> garnish) {}

    private record Numbers(byte b, Short s, int i, Long l, float f, Double d, BigDecimal big, Boolean yes) {}

    private record Times(LocalDate day, Instant moment) {}

    private record Tree(String name, List<Tree> children, Optional<Tree> twin) {}

    private record Forest(@Description("the oldest") Tree first, List<Tree> more) {}

    private record Ping(Optional<Pong> pong) {}

    private record Pong(Map<String, Ping> pings) {}

    private record Sparse(
            @Description("any") @Nullable String note,
            @Nullable Integer number,
            int sure) {}

    private record Nothing() {}

    private record Even(int value) {
        Even {
            if (value % 2 == 1) {
                throw new IllegalArgumentException(value + " is odd");
            }
        }
    }

    private record Evens(List<Even> values) {}

    private record Fussy(String name) {
        Fussy {
            throw new NullPointerException();
        }
    }

    private record Bounded(
            @Size(min = 2, max = 3) String text,
            @Size(min = 1) List<Integer> list,
            @Size(min = 2) Set<Integer> set,
            @Size(max = 1) Map<@Size(min = 1, max = 3) String, Integer> map) {}

    @Test
    void shouldDescribeEachComponentInItsOrderWhenMadeASchema() {
        assertSchema(Recipe.class, """
                {"type": "object", "properties": {
                   "title": {"type": "string", "minLength": 1, "maxLength": 80, "description": "what it is called"},
                   "ingredients": {"type": "array", "items": {"type": "object", "properties": {
                       "name": {"type": "string"},
                       "amount": {"type": "number"},
                       "unit": {"type": "string", "enum": ["GRAM", "PIECE"]}},
                     "required": ["name", "amount", "unit"], "additionalProperties": false,
                     "description": "what goes into it"}, "minItems": 1, "maxItems": 9},
                   "tags": {"type": "array", "items": {"type": "string", "maxLength": 20}, "maxItems": 4},
                   "minutes": {"type": "object", "additionalProperties":
                     {"type": "integer", "minimum": -2147483648, "maximum": 2147483647}},
                   "heat": {"type": "string", "maxLength": 30, "description": "in the oven"},
                   "vegan": {"type": "boolean"},
                   "garnish": {"type": "object", "properties": {
                       "name": {"type": "string"},
                       "amount": {"type": "number"},
                       "unit": {"type": "string", "enum": ["GRAM", "PIECE"]}},
                     "required": ["name", "amount", "unit"], "additionalProperties": false,
                     "description": "what goes into it"}},
                 "required": ["title", "ingredients", "tags", "minutes", "vegan"], "additionalProperties": false}
                """);
    }

    @Test
    void shouldSayTheRangeWhenANumberHasOne() {
        assertSchema(Numbers.class, """
                {"type": "object", "properties": {
                   "b": {"type": "integer", "minimum": -128, "maximum": 127},
                   "s": {"type": "integer", "minimum": -32768, "maximum": 32767},
                   "i": {"type": "integer", "minimum": -2147483648, "maximum": 2147483647},
                   "l": {"type": "integer", "minimum": -9007199254740991, "maximum": 9007199254740991},
                   "f": {"type": "number"}, "d": {"type": "number"}, "big": {"type": "number"},
                   "yes": {"type": "boolean"}},
                 "required": ["b", "s", "i", "l", "f", "d", "big", "yes"], "additionalProperties": false}
                """);
    }

    @Test
    void shouldSayTheSizesWhenThereAreSome() {
        assertSchema(Bounded.class, """
                {"type": "object", "properties": {
                   "text": {"type": "string", "minLength": 2, "maxLength": 3},
                   "list": {"type": "array", "items":
                     {"type": "integer", "minimum": -2147483648, "maximum": 2147483647}, "minItems": 1},
                   "set": {"type": "array", "items":
                     {"type": "integer", "minimum": -2147483648, "maximum": 2147483647}, "minItems": 2},
                   "map": {"type": "object", "patternProperties": {"^[\\\\s\\\\S]{1,3}$":
                       {"type": "integer", "minimum": -2147483648, "maximum": 2147483647}},
                     "additionalProperties": false, "maxProperties": 1}},
                 "required": ["text", "list", "set", "map"], "additionalProperties": false}
                """);
    }

    @Test
    void shouldSayTheFormatWhenAComponentIsATime() {
        assertSchema(Times.class, """
                {"type": "object", "properties": {
                   "day": {"type": "string", "format": "date"},
                   "moment": {"type": "string", "format": "date-time",
                              "pattern": "T[0-9]{2}:[0-9]{2}:[0-5][0-9](\\\\.[0-9]{1,9})?Z$"}},
                 "required": ["day", "moment"], "additionalProperties": false}
                """);
    }

    @Test
    void shouldReferToTheRecordWhenItContainsItself() {
        String tree = """
                {"type": "object", "properties": {
                    "name": {"type": "string"},
                    "children": {"type": "array", "items": {"$ref": "#/$defs/Tree"}},
                    "twin": {"$ref": "#/$defs/Tree"}},
                  "required": ["name", "children"], "additionalProperties": false""";
        assertSchema(Tree.class, tree + ", \"$defs\": {\"Tree\": " + tree + "}}}");
        assertSchema(Forest.class, """
                {"type": "object", "properties": {
                    "first": {"$ref": "#/$defs/Tree", "description": "the oldest"},
                    "more": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}},
                  "required": ["first", "more"], "additionalProperties": false,
                  "$defs": {"Tree": %s}}}
                """.formatted(tree));
        assertThat(AnswerType.of(Ping.class).schema()).contains("\"$defs\":{\"Ping\":");
    }

    @Test
    void shouldBeTheRecordWhenTheTextFits() {
        Recipe recipe = AnswerType.of(Recipe.class).read("""
                        {"title": "Pancakes {\\"thin\\"} 🥞", "ingredients": [{"name": "flour", "amount": 250, "unit": "GRAM"}],
                         "tags": ["sweet", "quick", "sweet"], "minutes": {"rest": 20, "fry": 3}, "vegan": false,
                         "garnish": {"name": "berry", "amount": 1.5e1, "unit": "PIECE"}, "more": "than asked for"}""");

        assertThat(recipe)
                .isEqualTo(new Recipe(
                        "Pancakes {\"thin\"} 🥞",
                        List.of(new Ingredient("flour", 250, Unit.GRAM)),
                        Set.of("sweet", "quick"),
                        Map.of("rest", 20, "fry", 3),
                        Optional.empty(),
                        false,
                        Optional.of(new Ingredient("berry", 15, Unit.PIECE))));
        assertThat(recipe.tags()).containsExactly("sweet", "quick");
        assertThat(recipe.minutes()).containsOnlyKeys("rest", "fry");
    }

    @Test
    void shouldNotRequireAComponentWhenItsTypeIsNullable() {
        AnswerType<Sparse> sparse = AnswerType.of(Sparse.class);

        assertThat(sparse.schema())
                .contains("\"note\":{\"type\":\"string\",\"description\":\"any\"}")
                .contains("\"required\":[\"sure\"]");
        assertThat(sparse.read("{\"sure\": 1, \"number\": null}")).isEqualTo(new Sparse(null, null, 1));
        assertThat(sparse.read("{\"note\": \"n\", \"number\": 2, \"sure\": 1}")).isEqualTo(new Sparse("n", 2, 1));
    }

    @Test
    void shouldHaveEveryNumberAndTimeWhenItIsRead() {
        assertThat(AnswerType.of(Numbers.class).read("""
                                {"b": -128, "s": 32767, "i": -2147483648, "l": 9223372036854775807, "f": 1.5, "d": -1e300,
                                 "big": 0.10, "yes": true}"""))
                .isEqualTo(new Numbers(
                        (byte) -128,
                        (short) 32767,
                        Integer.MIN_VALUE,
                        Long.MAX_VALUE,
                        1.5f,
                        -1e300,
                        new BigDecimal("0.10"),
                        true));
    }

    @Test
    void shouldBeATimeWhenItIsOne() {
        assertThat(AnswerType.of(Times.class)
                        .read("{\"day\": \"2028-02-29\", \"moment\": \"2027-01-31T10:30:00+01:00\"}"))
                .isEqualTo(new Times(LocalDate.of(2028, 2, 29), Instant.parse("2027-01-31T09:30:00Z")));
    }

    @Test
    void shouldGoAsDeepAsTheTextWhenARecordContainsItself() {
        assertThat(AnswerType.of(Forest.class).read("""
                                {"first": {"name": "a", "children": [{"name": "b", "children": []}], "twin": null},
                                 "more": []}"""))
                .isEqualTo(new Forest(
                        new Tree("a", List.of(new Tree("b", List.of(), Optional.empty())), Optional.empty()),
                        List.of()));
        assertThat(AnswerType.of(Ping.class).read("{\"pong\": {\"pings\": {\"x\": {}}}}"))
                .isEqualTo(new Ping(Optional.of(new Pong(Map.of("x", new Ping(Optional.empty()))))));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{}",
                "```json\n{}\n```",
                "Here you are: {} Good luck!",
            })
    void shouldFindTheObjectWhenTheModelSaysMore(String text) {
        assertThat(AnswerType.of(Nothing.class).read(text)).isEqualTo(new Nothing());
    }

    @ParameterizedTest
    @ValueSource(strings = {"[{\"value\": 2}]", "Sure:\n[{\"value\": 2}]\nDone.", "{\"values\": [{\"value\": 2}]}"})
    void shouldTakeAListAloneWhenTheRecordIsNothingElse(String text) {
        assertThat(AnswerType.of(Evens.class).read(text)).isEqualTo(new Evens(List.of(new Even(2))));
    }

    static Stream<Arguments> misfits() {
        return Stream.of(
                Arguments.of(Even.class, "no", "it contains no JSON object"),
                Arguments.of(Even.class, "{\"value\": 2", "its JSON is incomplete"),
                Arguments.of(Even.class, "}{", "its JSON is incomplete"),
                Arguments.of(Even.class, "{\"value\": 2} or {\"value\": 4}", "Unrecognized token 'or'"),
                Arguments.of(Even.class, "{}", "value: it is missing"),
                Arguments.of(Even.class, "{\"value\": null}", "value: it is missing"),
                Arguments.of(
                        Even.class,
                        "{\"value\": \"2\"}",
                        "value: it must be a whole number from -2147483648 to 2147483647, but is \"2\""),
                Arguments.of(Even.class, "{\"value\": 2.0}", "value: it must be a whole number"),
                Arguments.of(Even.class, "{\"value\": 2147483648}", "but is 2147483648"),
                Arguments.of(Even.class, "{\"value\": [2]}", "but is an array"),
                Arguments.of(Even.class, "{\"value\": 3}", "3 is odd"),
                Arguments.of(Evens.class, "[{\"value\": 2}, {\"value\": 3}]", "values[1]: 3 is odd"),
                Arguments.of(Evens.class, "{\"values\": {}}", "values: it must be an array, but is an object"),
                Arguments.of(Fussy.class, "{\"name\": \"x\"}", "NullPointerException"),
                Arguments.of(Times.class, "{\"day\": \"2027-02-29\"}", "day: Text '2027-02-29' could not be parsed"),
                Arguments.of(
                        Ingredient.class,
                        "{\"name\": \"x\", \"amount\": 1e999, \"unit\": \"GRAM\"}",
                        "amount: it must be a smaller number, but is 1E+999"),
                Arguments.of(
                        Ingredient.class,
                        "{\"name\": \"x\", \"amount\": 1, \"unit\": \"each\"}",
                        "unit: it must be one of GRAM, PIECE"),
                Arguments.of(
                        Bounded.class, "{\"text\": \"🥞\"}", "text: it has 1 characters, but must have at least 2"),
                Arguments.of(
                        Bounded.class, "{\"text\": \"abcd\"}", "text: it has 4 characters, but must have at most 3"),
                Arguments.of(Bounded.class, "{\"text\": \"abc\", \"list\": []}", "list: it has 0 elements"),
                Arguments.of(
                        Bounded.class,
                        "{\"text\": \"abc\", \"list\": [1], \"set\": [1, 1]}",
                        "set: it has 1 distinct elements"),
                Arguments.of(
                        Bounded.class,
                        "{\"text\": \"abc\", \"list\": [1], \"set\": [1, 2], \"map\": {\"a\": 1, \"b\": 2}}",
                        "map: it has 2 entries, but must have at most 1"),
                Arguments.of(
                        Bounded.class,
                        "{\"text\": \"abc\", \"list\": [1], \"set\": [1, 2], \"map\": {\"a\": true}}",
                        "map{a}: it must be a whole number"),
                Arguments.of(
                        Bounded.class,
                        "{\"text\": \"abc\", \"list\": [1], \"set\": [1, 2], \"map\": {\"abcd\": 1}}",
                        "map{abcd}: it has 4 characters in its key, but must have at most 3"));
    }

    @ParameterizedTest
    @MethodSource("misfits")
    void shouldSayWhereAndWhatWhenTheTextDoesNotFit(Class<?> type, String text, String what) {
        UnreadableAnswerException error = catchThrowableOfType(
                UnreadableAnswerException.class, () -> AnswerType.of(type).read(text));

        assertThat(error.reason())
                .startsWith("The answer can't be read as " + type.getSimpleName() + ": ")
                .contains(what);
        assertThat(error.text()).isEqualTo(text);
    }

    @Test
    void shouldCarryTheCauseWhenTheConstructorThrows() {
        assertThatExceptionOfType(UnreadableAnswerException.class)
                .isThrownBy(() -> AnswerType.of(Evens.class).read("[{\"value\": 1}]"))
                .withCauseInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void shouldBeUnreadableWhenTheTextIsNestedWithoutEnd() {
        String deep = "{\"name\":\"x\",\"children\":[".repeat(100_000) + "}";

        assertThatExceptionOfType(UnreadableAnswerException.class)
                .isThrownBy(() -> AnswerType.of(Tree.class).read(deep))
                .withMessageContaining("nesting depth");
    }

    private record Other(Object any) {}

    private record OfClass(List<Map<String, UUID>> ids) {}

    @SuppressWarnings("rawtypes")
    private record Raw(List list) {}

    @SuppressWarnings("rawtypes")
    private record RawOptional(Optional maybe) {}

    private record Wild(List<? extends Number> numbers) {}

    private record Generic<T>(T value) {}

    private record OfGeneric(Generic<String> box) {}

    private record OfRawGeneric(
            @SuppressWarnings("rawtypes") Generic box) {}

    private record Array(int[] numbers) {}

    private record Keyed(Map<Unit, String> byUnit) {}

    private record Character(char letter) {}

    private record Any(Collection<String> some) {}

    private record Mutable(ArrayList<String> some) {}

    private record Deep(List<Optional<String>> some) {}

    private record Endless(Endless next) {}

    private record EndlessList(@Size(min = 1) List<EndlessList> next) {}

    private record Hen(Optional<Egg> laid) {}

    private record Egg(Shell shell) {}

    private record Shell(Egg within) {}

    private record SizedNumber(@Size(max = 3) int number) {}

    private record SizedOptional(@Size(max = 3) Optional<String> text) {}

    private record Backwards(@Size(min = 3, max = 2) String text) {}

    private record BackwardsKey(Map<@Size(min = 3, max = 2) String, String> map) {}

    private enum Empty {}

    private record NoChoice(Empty choice) {}

    static Stream<Arguments> refused() {
        return Stream.of(
                Arguments.of(
                        String.class,
                        "String can't be used as an answer type: java.lang.String is neither a record nor a Kotlin data class."),
                Arguments.of(Other.class, "any (java.lang.Object) is not supported."),
                Arguments.of(OfClass.class, "ids[]{} (java.util.UUID)"),
                Arguments.of(Raw.class, "list (java.util.List)"),
                Arguments.of(RawOptional.class, "maybe (java.util.Optional)"),
                Arguments.of(Wild.class, "numbers[] (? extends java.lang.Number)"),
                Arguments.of(Generic.class, "Generic has type parameters"),
                Arguments.of(OfGeneric.class, "box (" + Generic.class.getName()),
                Arguments.of(OfRawGeneric.class, "has type parameters"),
                Arguments.of(Array.class, "numbers (int[])"),
                Arguments.of(Keyed.class, "byUnit (java.util.Map<"),
                Arguments.of(Character.class, "letter (char)"),
                Arguments.of(Any.class, "some (java.util.Collection<"),
                Arguments.of(Mutable.class, "some (java.util.ArrayList<"),
                Arguments.of(Deep.class, "some[] (java.util.Optional<"),
                Arguments.of(Endless.class, "next (" + Endless.class.getName() + ") is infinitely recursive."),
                Arguments.of(EndlessList.class, "next[] ("),
                Arguments.of(Hen.class, "laid.shell.within (" + Egg.class.getName() + ") is infinitely recursive."),
                Arguments.of(SizedNumber.class, "number (int) can't have a @Size"),
                Arguments.of(SizedOptional.class, "text (java.util.Optional<java.lang.String>) can't have a @Size"),
                Arguments.of(Backwards.class, "text (java.lang.String) has a @Size of 3 to 2"),
                Arguments.of(BackwardsKey.class, "map (java.util.Map<"),
                Arguments.of(NoChoice.class, "choice (" + Empty.class.getName() + ")"));
    }

    @ParameterizedTest
    @MethodSource("refused")
    void shouldNameTheComponentWhenItCanNotBeInAnAnswer(Class<?> type, String what) {
        assertThatExceptionOfType(InvalidRequestException.class)
                .isThrownBy(() -> AnswerType.of(type))
                .withMessageContaining(what)
                .withMessageContaining("What to do: ");
    }

    @ParameterizedTest
    @CsvSource({"LENGTH, it was cut off at the token limit", "STOP, its JSON is incomplete"})
    void shouldSayWhyWhenAnAnswerEndsTooSoon(FinishReason reason, String why) {
        GenerationResult cut = new GenerationResult(
                "{\"value\":",
                "",
                List.of(),
                List.of(),
                List.of(),
                List.of(),
                reason,
                null,
                new Usage(1, 1),
                new Timings(Duration.ZERO, Duration.ZERO, Duration.ZERO, Duration.ZERO),
                new Backend(ProviderKind.MLX, "m", "cpu"));

        assertThatExceptionOfType(UnreadableAnswerException.class)
                .isThrownBy(() -> AnswerType.of(Even.class).read(cut))
                .withMessageContaining(why);
    }

    @Test
    void shouldTellTheSchemaAtTheEndOfTheLastUserMessageWhenThereIsOne() {
        AnswerType<Even> even = AnswerType.of(Even.class);
        GenerationRequest request = GenerationRequest.builder()
                .system("Be brief.")
                .user("A number")
                .assistant("3")
                .user("Another {schema}")
                .build();

        List<Message> messages = ((Prompt.Chat) even.described(request).prompt()).messages();

        assertThat(messages.subList(0, 3))
                .isEqualTo(((Prompt.Chat) request.prompt()).messages().subList(0, 3));
        assertThat(messages.get(3).content()).startsWith("Another {schema}\n\n").endsWith(even.schema());
    }

    @Test
    void shouldLeaveTheRequestAsItIsWhenItHasNoUserMessage() {
        AnswerType<Even> even = AnswerType.of(Even.class);
        for (GenerationRequest request : List.of(
                GenerationRequest.raw("Once"),
                GenerationRequest.tokens(1, 2),
                GenerationRequest.chat(List.of(Message.system("Be brief."))))) {
            assertThat(even.described(request)).isEqualTo(request);
        }
    }

    private static void assertSchema(Class<?> type, String expected) {
        try {
            JsonNode tree = new JsonMapper().readTree(expected);
            assertThat(AnswerType.of(type).schema()).isEqualTo(tree.toString()); // the order counts too
        } catch (JsonProcessingException error) {
            throw new AssertionError(error);
        }
    }
}
