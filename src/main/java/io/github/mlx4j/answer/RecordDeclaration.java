package io.github.mlx4j.answer;

import java.lang.reflect.Constructor;
import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A Java record. {@code Optional} components and components with a {@code @Nullable} type are optional. */
final class RecordDeclaration implements Declaration {

    private final List<Component> components;
    private final Constructor<?> constructor;

    RecordDeclaration(Class<?> type) {
        RecordComponent[] declared = type.getRecordComponents();
        this.components =
                Arrays.stream(declared).map(RecordDeclaration::component).toList();
        try {
            this.constructor = type.getDeclaredConstructor(
                    Arrays.stream(declared).map(RecordComponent::getType).toArray(Class<?>[]::new));
        } catch (NoSuchMethodException error) {
            throw new IllegalStateException(error); // every record has a canonical constructor
        }
        constructor.setAccessible(true);
    }

    private static Component component(RecordComponent component) {
        boolean wrapped = component.getType() == Optional.class;
        return new Component(
                component.getName(),
                DeclaredType.of(component.getAnnotatedType()),
                wrapped || component.getAnnotatedType().isAnnotationPresent(Nullable.class),
                wrapped ? Optional.empty() : null,
                component.getAnnotation(Description.class));
    }

    @Override
    public List<Component> components() {
        return components;
    }

    @Override
    public Object make(@Nullable Object[] values) throws ReflectiveOperationException {
        return constructor.newInstance(values);
    }
}
