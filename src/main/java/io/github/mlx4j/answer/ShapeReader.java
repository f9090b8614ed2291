package io.github.mlx4j.answer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.mlx4j.answer.Declaration.Component;
import io.github.mlx4j.answer.DeclaredType.Bounds;
import io.github.mlx4j.error.InvalidRequestException;
import java.lang.reflect.InvocationTargetException;
import java.math.BigDecimal;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Builds the {@link Shape} of a class from its {@link Declaration}. Each instance handles a single class. Not
 * thread-safe.
 */
final class ShapeReader {

    /**
     * The bound for longs in the schema. Programs that read numbers as doubles can't represent all integers beyond it.
     */
    private static final long MAX_EXACT = (1L << 53) - 1;

    private static final String UTC = "T[0-9]{2}:[0-9]{2}:[0-5][0-9](\\.[0-9]{1,9})?Z$";

    private static final String POSSIBLE =
            "Use records (or Kotlin data classes) of strings, numbers, booleans, enums, LocalDate, Instant, List, Set, "
                    + "Map<String, …> and Optional components.";

    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

    private final Class<?> root;
    private final Map<Class<?>, String> recursive = new LinkedHashMap<>(); // with their names in $defs
    private final Map<Class<?>, Shape> known = new HashMap<>(); // types whose shape is complete
    private final Set<Class<?>> open = new HashSet<>(); // types whose shape is being built

    ShapeReader(Class<?> root) {
        this.root = root;
    }

    /** Returns the shape of the class. */
    Shape root() {
        Declaration declaration = Declaration.of(root);
        if (declaration == null) {
            throw refused("", root.getName(), "is neither a record nor a Kotlin data class");
        }
        return structure(root, declaration, "", Set.of());
    }

    /** Returns the complete schema of a shape, including the definitions that it references. */
    ObjectNode schema(Shape shape) {
        ObjectNode schema = shape.schema().deepCopy();
        if (!recursive.isEmpty()) {
            ObjectNode definitions = schema.putObject("$defs");
            recursive.forEach(
                    (type, name) -> definitions.set(name, shapeOf(type).schema()));
        }
        return schema;
    }

    /**
     * Returns the shape of a type at a path.
     *
     * @param within the enclosing records that require this one; if it is one of them, the recursion never ends
     */
    private Shape shape(DeclaredType type, String path, Set<Class<?>> within) {
        Bounds size = type.size();
        checkBounds(size, path, type);
        List<DeclaredType> arguments = type.arguments();
        Set<Class<?>> inside = size != null && size.min() > 0 ? within : Set.of();
        if (type.raw() == List.class && !arguments.isEmpty()) {
            return list(shape(arguments.get(0), path + "[]", inside), size);
        }
        if (type.raw() == Set.class && !arguments.isEmpty()) {
            return set(shape(arguments.get(0), path + "[]", inside), size);
        }
        if (type.raw() == Map.class && !arguments.isEmpty() && arguments.get(0).raw() == String.class) {
            Bounds keys = arguments.get(0).size();
            checkBounds(keys, path, type);
            return map(keys, shape(arguments.get(1), path + "{}", inside), size);
        }
        if (type.raw() == String.class) {
            return string(size);
        }
        if (size != null) {
            throw refused(path, type.name(), "can't have a @Size");
        }
        if (type.raw() == null || !arguments.isEmpty()) {
            throw refused(path, type.name(), "");
        }
        Shape scalar = scalar(type.raw());
        if (scalar != null) {
            return scalar;
        }
        if (type.raw().isEnum() && type.raw().getEnumConstants().length > 0) {
            return enumeration(type.raw());
        }
        Declaration declaration = Declaration.of(type.raw());
        if (declaration != null) {
            return structure(type.raw(), declaration, path, within);
        }
        throw refused(path, type.name(), "");
    }

    private static @Nullable Shape scalar(Class<?> type) {
        if (type == byte.class || type == Byte.class) {
            return integer(Byte.MIN_VALUE, Byte.MAX_VALUE, Number::byteValue);
        } else if (type == short.class || type == Short.class) {
            return integer(Short.MIN_VALUE, Short.MAX_VALUE, Number::shortValue);
        } else if (type == int.class || type == Integer.class) {
            return integer(Integer.MIN_VALUE, Integer.MAX_VALUE, Number::intValue);
        } else if (type == long.class || type == Long.class) {
            return integer(Long.MIN_VALUE, Long.MAX_VALUE, Number::longValue);
        } else if (type == float.class || type == Float.class) {
            return number(JsonNode::floatValue);
        } else if (type == double.class || type == Double.class) {
            return number(JsonNode::doubleValue);
        } else if (type == BigDecimal.class) {
            return number(JsonNode::decimalValue);
        } else if (type == boolean.class || type == Boolean.class) {
            return new Shape(typed("boolean"), (json, path) -> {
                expect(json.isBoolean(), json, path, "a boolean");
                return json.booleanValue();
            });
        } else if (type == LocalDate.class) {
            return new Shape(
                    typed("string").put("format", "date"),
                    (json, path) -> time(json, path, "a date such as 2027-01-31", LocalDate::parse));
        } else if (type == Instant.class) {
            return new Shape( // the format alone would allow offsets, leap seconds and digits that Java can't parse
                    typed("string").put("format", "date-time").put("pattern", UTC),
                    (json, path) -> time(json, path, "a time such as 2027-01-31T09:30:00Z", Instant::parse));
        }
        return null;
    }

    private static Shape integer(long min, long max, Function<Number, Number> narrow) {
        ObjectNode schema =
                typed("integer").put("minimum", Math.max(min, -MAX_EXACT)).put("maximum", Math.min(max, MAX_EXACT));
        return new Shape(schema, (json, path) -> {
            boolean fits = json.isIntegralNumber()
                    && json.canConvertToLong()
                    && json.longValue() >= min
                    && json.longValue() <= max;
            expect(fits, json, path, "a whole number from %d to %d".formatted(min, max));
            return narrow.apply(json.longValue());
        });
    }

    private static Shape number(Function<JsonNode, Number> narrow) {
        return new Shape(typed("number"), (json, path) -> {
            expect(json.isNumber(), json, path, "a number");
            Number value = narrow.apply(json);
            expect(value instanceof BigDecimal || Double.isFinite(value.doubleValue()), json, path, "a smaller number");
            return value;
        });
    }

    private static Object time(JsonNode json, String path, String expected, Function<String, Object> parse)
            throws SchemaMismatch {
        expect(json.isTextual(), json, path, expected);
        try {
            return parse.apply(json.textValue());
        } catch (DateTimeException error) {
            throw SchemaMismatch.at(path, message(error), error);
        }
    }

    private static Shape string(@Nullable Bounds size) {
        return new Shape(bounded(typed("string"), size, "Length"), (json, path) -> {
            expect(json.isTextual(), json, path, "a string");
            String text = json.textValue();
            checkSize(text.codePointCount(0, text.length()), "characters", size, path);
            return text;
        });
    }

    private static Shape enumeration(Class<?> type) {
        Map<String, Object> byName = new LinkedHashMap<>();
        for (Object constant : type.getEnumConstants()) {
            byName.put(((Enum<?>) constant).name(), constant);
        }
        ArrayNode names = NODES.arrayNode();
        byName.keySet().forEach(names::add);
        return new Shape(typed("string").set("enum", names), (json, path) -> {
            Object constant = json.isTextual() ? byName.get(json.textValue()) : null;
            if (constant == null) {
                throw SchemaMismatch.at(path, "it must be one of " + String.join(", ", byName.keySet()));
            }
            return constant;
        });
    }

    private static Shape list(Shape items, @Nullable Bounds size) {
        return new Shape(bounded(typed("array").set("items", items.schema()), size, "Items"), (json, path) -> {
            List<Object> values = elements(items, json, path);
            checkSize(values.size(), "elements", size, path);
            return List.copyOf(values);
        });
    }

    private static Shape set(Shape items, @Nullable Bounds size) {
        return new Shape(bounded(typed("array").set("items", items.schema()), size, "Items"), (json, path) -> {
            Set<Object> values = new LinkedHashSet<>(elements(items, json, path));
            checkSize(values.size(), "distinct elements", size, path);
            return Collections.unmodifiableSet(values);
        });
    }

    private static List<Object> elements(Shape items, JsonNode json, String path) throws SchemaMismatch {
        expect(json.isArray(), json, path, "an array");
        List<Object> values = new ArrayList<>();
        for (JsonNode element : json) {
            values.add(items.read(element, "%s[%d]".formatted(path, values.size())));
        }
        return values;
    }

    private static Shape map(@Nullable Bounds keys, Shape values, @Nullable Bounds size) {
        ObjectNode schema = typed("object");
        if (keys == null) {
            schema.set("additionalProperties", values.schema());
        } else {
            String most = keys.max() < Integer.MAX_VALUE ? String.valueOf(keys.max()) : "";
            String pattern = "^[\\s\\S]{%d,%s}$".formatted(keys.min(), most);
            schema.putObject("patternProperties").set(pattern, values.schema());
            schema.put("additionalProperties", false);
        }
        return new Shape(bounded(schema, size, "Properties"), (json, path) -> {
            expect(json.isObject(), json, path, "an object");
            Map<String, Object> entries = new LinkedHashMap<>();
            for (Map.Entry<String, JsonNode> entry : json.properties()) {
                String key = entry.getKey();
                String at = "%s{%s}".formatted(path, key);
                checkSize(key.codePointCount(0, key.length()), "characters in its key", keys, at);
                entries.put(key, values.read(entry.getValue(), at));
            }
            checkSize(entries.size(), "entries", size, path);
            return Collections.unmodifiableMap(entries);
        });
    }

    private Shape structure(Class<?> type, Declaration declaration, String path, Set<Class<?>> within) {
        if (within.contains(type)) {
            throw refused(path, type.getName(), "is infinitely recursive");
        }
        if (open.contains(type) || recursive.containsKey(type)) {
            String name = recursive.computeIfAbsent(type, this::nameOf);
            ObjectNode reference = NODES.objectNode().put("$ref", "#/$defs/" + name);
            return new Shape(reference, (json, at) -> shapeOf(type).read(json, at));
        }
        if (type.getTypeParameters().length > 0) {
            throw refused(path, type.getName(), "has type parameters");
        }
        open.add(type);
        Set<Class<?>> inside = new HashSet<>(within);
        inside.add(type);
        List<Shape> shapes = new ArrayList<>();
        for (Component component : declaration.components()) {
            shapes.add(shape(component, path, inside));
        }
        open.remove(type);
        ObjectNode schema = schema(declaration.components(), shapes);
        Shape shape = new Shape(describe(type.getAnnotation(Description.class), schema), reader(declaration, shapes));
        if (!recursive.containsKey(type)) {
            return shape;
        }
        known.put(type, shape);
        return open.isEmpty()
                ? shape
                : structure(type, declaration, path, Set.of()); // a reference, now that the type is known
    }

    private Shape shape(Component component, String path, Set<Class<?>> within) {
        String place = path.isEmpty() ? component.name() : path + "." + component.name();
        Set<Class<?>> inside = component.optional() ? Set.of() : within;
        Shape shape = isOptional(component.type())
                ? optional(component.type(), place)
                : shape(component.type(), place, inside);
        return new Shape(describe(component.description(), shape.schema()), shape.reader());
    }

    private static boolean isOptional(DeclaredType type) {
        return type.raw() == Optional.class && !type.arguments().isEmpty();
    }

    private Shape optional(DeclaredType type, String place) {
        if (type.size() != null) {
            throw refused(place, type.name(), "can't have a @Size; put it on the type inside the Optional");
        }
        Shape value = shape(type.arguments().get(0), place, Set.of());
        return new Shape(value.schema(), (json, path) -> Optional.of(value.read(json, path)));
    }

    private static ObjectNode schema(List<Component> components, List<Shape> shapes) {
        ObjectNode schema = typed("object");
        ObjectNode properties = schema.putObject("properties");
        ArrayNode required = schema.putArray("required");
        for (int i = 0; i < components.size(); i++) {
            Component component = components.get(i);
            properties.set(component.name(), shapes.get(i).schema());
            if (!component.optional()) {
                required.add(component.name());
            }
        }
        return schema.put("additionalProperties", false);
    }

    private static Shape.Reader reader(Declaration declaration, List<Shape> shapes) {
        List<Component> components = declaration.components();
        return (json, path) -> {
            expect(json.isObject(), json, path, "an object");
            @Nullable Object[] values = new Object[components.size()];
            for (int i = 0; i < values.length; i++) {
                Component component = components.get(i);
                JsonNode value = json.path(component.name());
                String at = path.isEmpty() ? component.name() : path + "." + component.name();
                boolean absent = value.isMissingNode() || value.isNull();
                if (absent && !component.optional()) {
                    throw SchemaMismatch.at(at, "it is missing");
                }
                values[i] = absent ? component.absent() : shapes.get(i).read(value, at);
            }
            try {
                return declaration.make(values);
            } catch (InvocationTargetException error) {
                Throwable cause = error.getCause() == null ? error : error.getCause();
                throw SchemaMismatch.at(path, message(cause), cause);
            } catch (ReflectiveOperationException error) {
                throw new IllegalStateException(error); // the class is not abstract, and its constructor is accessible
            }
        };
    }

    private Shape shapeOf(Class<?> type) {
        Shape shape = known.get(type);
        if (shape == null) {
            throw new IllegalStateException(type + " is not known yet");
        }
        return shape;
    }

    private String nameOf(Class<?> type) {
        String name = type.getSimpleName();
        return recursive.containsValue(name) ? name + (recursive.size() + 1) : name;
    }

    private static ObjectNode describe(@Nullable Description description, ObjectNode schema) {
        return description == null ? schema : schema.deepCopy().put("description", description.value());
    }

    private static ObjectNode typed(String type) {
        return NODES.objectNode().put("type", type);
    }

    /** Adds the keywords for a size, such as minLength or maxItems. */
    private static ObjectNode bounded(ObjectNode schema, @Nullable Bounds size, String what) {
        if (size != null && size.min() > 0) {
            schema.put("min" + what, size.min());
        }
        if (size != null && size.max() < Integer.MAX_VALUE) {
            schema.put("max" + what, size.max());
        }
        return schema;
    }

    private static void checkSize(int found, String what, @Nullable Bounds size, String path) throws SchemaMismatch {
        if (size != null && found < size.min()) {
            throw SchemaMismatch.at(path, "it has %d %s, but must have at least %d".formatted(found, what, size.min()));
        }
        if (size != null && found > size.max()) {
            throw SchemaMismatch.at(path, "it has %d %s, but must have at most %d".formatted(found, what, size.max()));
        }
    }

    private static void expect(boolean fits, JsonNode json, String path, String expected) throws SchemaMismatch {
        if (!fits) {
            String found = json.isValueNode() ? json.toString() : json.isArray() ? "an array" : "an object";
            String shown = found.length() <= 40 ? found : found.substring(0, 40) + "…";
            throw SchemaMismatch.at(path, "it must be %s, but is %s".formatted(expected, shown));
        }
    }

    private static String message(Throwable error) {
        return error.getMessage() == null ? error.getClass().getSimpleName() : error.getMessage();
    }

    private void checkBounds(@Nullable Bounds size, String path, DeclaredType type) {
        if (size != null && (size.min() < 0 || size.min() > size.max())) {
            throw refused(path, type.name(), "has a @Size of %d to %d".formatted(size.min(), size.max()));
        }
    }

    private InvalidRequestException refused(String path, String type, String why) {
        String what = path.isEmpty() ? type : "%s (%s)".formatted(path, type);
        return new InvalidRequestException(
                "%s can't be used as an answer type: %s %s."
                        .formatted(root.getSimpleName(), what, why.isEmpty() ? "is not supported" : why),
                POSSIBLE);
    }
}
