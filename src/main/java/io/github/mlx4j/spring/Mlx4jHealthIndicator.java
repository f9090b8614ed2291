package io.github.mlx4j.spring;

import io.github.mlx4j.ModelWorker;
import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.Selection;
import io.github.mlx4j.error.ProviderUnavailableException;
import io.github.mlx4j.event.WorkerStatus;
import io.github.mlx4j.provider.ModelRole;
import io.github.mlx4j.provider.ProviderKind;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.springframework.boot.health.contributor.AbstractHealthIndicator;
import org.springframework.boot.health.contributor.Health;
import org.springframework.boot.health.contributor.Status;

/**
 * Reports whether requests can be served. It checks which providers can run on this machine, and starts nothing.
 *
 * <ul>
 *   <li>{@code OUT_OF_SERVICE}: no provider is available
 *   <li>{@code DOWN}: for every provider that could answer, the worker of the general model has failed and is currently
 *       not restarted
 *   <li>{@code UP}: otherwise, even before the first request
 * </ul>
 */
public final class Mlx4jHealthIndicator extends AbstractHealthIndicator {

    private final ProviderFactory providers;

    /** Creates an indicator for the providers of this factory. */
    public Mlx4jHealthIndicator(ProviderFactory providers) {
        super("The health check of mlx4j failed");
        this.providers = providers;
    }

    @Override
    protected void doHealthCheck(Health.Builder builder) {
        Selection selection;
        try {
            selection = providers.selection();
        } catch (ProviderUnavailableException none) {
            builder.outOfService()
                    .withDetail("code", none.code())
                    .withDetail("reason", none.reason())
                    .withDetail("fix", none.hint());
            return;
        }
        List<ModelWorker> workers = providers.workers();
        boolean anyChance = Stream.concat(Stream.of(selection.provider()), selection.fallback().stream())
                .anyMatch(kind -> workers.stream()
                        .filter(worker -> worker.provider() == kind)
                        .noneMatch(Mlx4jHealthIndicator::hasFailed));
        builder.status(anyChance ? Status.UP : Status.DOWN)
                .withDetail("provider", selection.provider().id())
                .withDetail(
                        "fallback",
                        selection.fallback().stream().map(ProviderKind::id).toList());
        workers.forEach(worker -> builder.withDetail(name(worker), detail(worker.status())));
    }

    private static boolean hasFailed(ModelWorker worker) {
        return worker.roles().contains(ModelRole.GENERAL) && worker.status().state() == WorkerStatus.State.FAILED;
    }

    private static String name(ModelWorker worker) {
        String provider = worker.provider().id();
        return worker.roles().contains(ModelRole.GENERAL) ? provider : provider + ":" + worker.model();
    }

    private static String detail(WorkerStatus worker) {
        List<WorkerStatus.Event> history = worker.history();
        String state = worker.state().name().toLowerCase(Locale.ROOT);
        return worker.state() == WorkerStatus.State.FAILED && !history.isEmpty()
                ? state + ": " + history.get(history.size() - 1).detail()
                : state;
    }
}
