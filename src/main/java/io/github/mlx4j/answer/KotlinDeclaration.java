package io.github.mlx4j.answer;

import io.github.mlx4j.answer.DeclaredType.Bounds;
import java.lang.annotation.Annotation;
import java.lang.reflect.AnnotatedElement;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.IntSupplier;
import java.util.stream.Stream;
import kotlin.jvm.JvmClassMappingKt;
import kotlin.reflect.KAnnotatedElement;
import kotlin.reflect.KClass;
import kotlin.reflect.KFunction;
import kotlin.reflect.KParameter;
import kotlin.reflect.KProperty1;
import kotlin.reflect.KType;
import kotlin.reflect.KTypeProjection;
import kotlin.reflect.full.KClasses;
import kotlin.reflect.jvm.KCallablesJvm;
import kotlin.reflect.jvm.ReflectJvmMapping;
import org.jspecify.annotations.Nullable;

/**
 * A Kotlin data class, including {@code @JvmRecord} classes, as described by kotlin-reflect. Only Kotlin's own metadata
 * says which types are nullable and which parameters have a default value. Both are optional.
 */
final class KotlinDeclaration implements Declaration {

    private final KFunction<?> constructor;
    private final List<Component> components;

    private KotlinDeclaration(KFunction<?> constructor, List<Component> components) {
        this.constructor = constructor;
        this.components = components;
    }

    /** Returns the declaration, or {@code null} if the class is not a data class. */
    static @Nullable KotlinDeclaration of(Class<?> type) {
        KClass<?> kotlin = JvmClassMappingKt.getKotlinClass(type);
        KFunction<?> constructor = KClasses.getPrimaryConstructor(kotlin);
        if (!kotlin.isData() || constructor == null) {
            return null;
        }
        KCallablesJvm.setAccessible(constructor, true);
        List<Component> components = constructor.getParameters().stream()
                .map(parameter -> component(kotlin, parameter))
                .toList();
        return new KotlinDeclaration(constructor, components);
    }

    private static Component component(KClass<?> type, KParameter parameter) {
        String name = Objects.requireNonNull(parameter.getName());
        KProperty1<?, ?> property = KClasses.getDeclaredMemberProperties(type).stream()
                .filter(declared -> declared.getName().equals(name))
                .findFirst()
                .orElseThrow(); // every parameter of a data class is a property
        DeclaredType declared = type(parameter.getType());
        Size size = annotation(parameter, property, Size.class);
        boolean wrapped = declared.raw() == Optional.class;
        return new Component(
                name,
                size == null
                        ? declared
                        : new DeclaredType(declared.raw(), declared.arguments(), Bounds.of(size), declared.name()),
                parameter.isOptional() || parameter.getType().isMarkedNullable() || wrapped,
                wrapped && !parameter.isOptional() ? Optional.empty() : null,
                annotation(parameter, property, Description.class));
    }

    /** Finds an annotation on the parameter, on the field ({@code @field:}), or on the getter ({@code @get:}). */
    private static <A extends Annotation> @Nullable A annotation(
            KParameter parameter, KProperty1<?, ?> property, Class<A> type) {
        A own = annotation(parameter, type);
        return own != null
                ? own
                : Stream.<@Nullable AnnotatedElement>of(
                                ReflectJvmMapping.getJavaField(property), ReflectJvmMapping.getJavaGetter(property))
                        .filter(Objects::nonNull)
                        .map(element -> element.getAnnotation(type))
                        .filter(Objects::nonNull)
                        .findFirst()
                        .orElse(null);
    }

    private static <A extends Annotation> @Nullable A annotation(KAnnotatedElement element, Class<A> type) {
        return element.getAnnotations().stream()
                .filter(type::isInstance)
                .map(type::cast)
                .findFirst()
                .orElse(null);
    }

    private static DeclaredType type(@Nullable KType type) {
        if (type == null || !(type.getClassifier() instanceof KClass<?> raw)) { // a star projection or a type parameter
            return new DeclaredType(null, List.of(), null, type == null ? "*" : type.toString());
        }
        List<DeclaredType> arguments = type.getArguments().stream()
                .map(KTypeProjection::getType)
                .map(KotlinDeclaration::type)
                .toList();
        Size size = annotation(type, Size.class);
        return new DeclaredType(
                JvmClassMappingKt.getJavaClass(raw),
                arguments,
                size == null ? null : new Bounds(given(size::min, 0), given(size::max, Integer.MAX_VALUE)),
                type.toString());
    }

    /**
     * Returns an annotation member or its default. kotlin-reflect omits default values in annotations of types, and
     * throws an error when they are read.
     */
    private static int given(IntSupplier member, int preset) {
        try {
            return member.getAsInt();
        } catch (Error notGiven) {
            return preset;
        }
    }

    @Override
    public List<Component> components() {
        return components;
    }

    @Override
    public Object make(@Nullable Object[] values) throws ReflectiveOperationException {
        Map<KParameter, @Nullable Object> given = new LinkedHashMap<>();
        for (KParameter parameter : constructor.getParameters()) {
            Object value = values[parameter.getIndex()];
            if (value != null || !parameter.isOptional()) {
                given.put(parameter, value);
            }
        }
        return constructor.callBy(given);
    }
}
