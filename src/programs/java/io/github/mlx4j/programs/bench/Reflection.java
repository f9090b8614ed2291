package io.github.mlx4j.programs.bench;

import java.io.IOException;
import java.lang.invoke.MethodType;
import java.lang.reflect.Method;
import org.jspecify.annotations.Nullable;

/** Calls libraries that are not dependencies of the build, but may be on the class path. */
final class Reflection {

    private Reflection() {}

    /** Returns a class, or throws the reason for the table of arms that were not measured. */
    static Class<?> find(String name) throws IOException {
        try {
            return Class.forName(name);
        } catch (ClassNotFoundException absent) {
            throw new IOException(
                    "not on the class path; add it and its dependencies to MLX4J_BENCH_CLASSPATH", absent);
        }
    }

    static Object create(Class<?> type, Object... with) throws ReflectiveOperationException {
        for (var constructor : type.getConstructors()) {
            if (accepts(constructor.getParameterTypes(), with)) {
                return constructor.newInstance(with);
            }
        }
        throw new NoSuchMethodException(type + " has no such constructor");
    }

    /** Calls the public method with this name that accepts these arguments. */
    static Object call(Class<?> type, @Nullable Object on, String name, Object... with)
            throws ReflectiveOperationException {
        for (Method method : type.getMethods()) {
            if (method.getName().equals(name) && accepts(method.getParameterTypes(), with)) {
                method.setAccessible(true); // the class itself may not be public
                return method.invoke(on, with);
            }
        }
        throw new NoSuchMethodException(type + "." + name);
    }

    private static boolean accepts(Class<?>[] types, Object[] values) {
        boolean fits = types.length == values.length;
        for (int i = 0; fits && i < types.length; i++) {
            fits = MethodType.methodType(types[i]).wrap().returnType().isInstance(values[i]);
        }
        return fits;
    }
}
