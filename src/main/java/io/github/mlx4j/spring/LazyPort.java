package io.github.mlx4j.spring;

import java.util.function.Supplier;
import org.springframework.aop.framework.ProxyFactory;
import org.springframework.aop.target.AbstractLazyCreationTargetSource;

/**
 * A port that is created by its first call, because creating one checks which providers can run on this machine. If
 * that fails, the next call tries again.
 */
final class LazyPort extends AbstractLazyCreationTargetSource {

    private final Class<?> type;
    private final Supplier<?> make;

    private LazyPort(Class<?> type, Supplier<?> make) {
        this.type = type;
        this.make = make;
    }

    static <T> T of(Class<T> type, Supplier<? extends T> make) {
        return ProxyFactory.getProxy(type, new LazyPort(type, make));
    }

    @Override
    public Class<?> getTargetClass() {
        return type;
    }

    @Override
    protected Object createObject() {
        return make.get();
    }
}
