package io.github.mlx4j;

import io.github.mlx4j.config.WorkerConfig;
import io.github.mlx4j.config.WorkerPoolConfig;
import io.github.mlx4j.device.BackendCandidates;
import io.github.mlx4j.device.BackendFacts;
import io.github.mlx4j.device.ProgramFolders;
import io.github.mlx4j.environment.Interpreters;
import io.github.mlx4j.environment.Platform;
import io.github.mlx4j.environment.WorkerProbe;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.error.UnsupportedProviderException;
import io.github.mlx4j.event.Mlx4jListener;
import io.github.mlx4j.internal.files.UserPath;
import io.github.mlx4j.provider.ModelRole;
import io.github.mlx4j.provider.ProviderKind;
import io.github.mlx4j.remote.ApiKey;
import io.github.mlx4j.remote.RemoteConfig;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The configuration of a {@link ProviderFactory}. Immutable. Create one with {@link #builder()}, or read it from system
 * properties and environment variables with {@link #fromEnv()} ({@code docs/configuration.md}).
 *
 * @param named the provider to use, or {@code null} to choose one automatically; read it with {@link #provider()}
 * @param fallbackKinds the providers to use, in order, if the first one fails, or {@code null} for the default; read
 *     them with {@link #fallback()}
 * @param models the model of each provider for which one is configured
 * @param roleModels the model of each provider and role for which one is configured; read it with {@link #model}
 * @param interpreters the Python interpreter of each worker kind for which one is configured
 * @param home the folder of the managed environments
 * @param allowAnyPlatform whether the mlx worker may run on platforms other than macOS on Apple silicon
 * @param download whether a hub model that isn't in the cache may be downloaded
 * @param workers how the workers run and are supervised
 * @param pool which workers may run at the same time
 * @param remote the addresses, keys and timeout of remote providers
 */
public record ProviderConfig(
        @Nullable ProviderKind named,
        @Nullable List<ProviderKind> fallbackKinds,
        Map<ProviderKind, String> models,
        Map<ProviderKind, Map<ModelRole, String>> roleModels,
        Map<ProviderKind, NamedInterpreter> interpreters,
        Path home,
        boolean allowAnyPlatform,
        boolean download,
        WorkerConfig workers,
        WorkerPoolConfig pool,
        RemoteConfig remote)
        implements BackendCandidates {

    /**
     * A Python interpreter and the setting that specified it.
     *
     * @param command a path, or a program on the PATH
     * @param setting the name of the setting, for messages
     */
    public record NamedInterpreter(String command, String setting) {}

    /** Makes immutable copies of the collections. */
    public ProviderConfig {
        fallbackKinds = fallbackKinds == null ? null : List.copyOf(fallbackKinds);
        models = Map.copyOf(models);
        roleModels = roleModels.entrySet().stream()
                .collect(Collectors.toUnmodifiableMap(Map.Entry::getKey, roles -> Map.copyOf(roles.getValue())));
        interpreters = Map.copyOf(interpreters);
    }

    /** Returns the provider to use; empty to choose one automatically. */
    @Override
    public Optional<ProviderKind> provider() {
        return Optional.ofNullable(named);
    }

    /**
     * Returns the fallback providers in order, or empty for the default: hf is the fallback for mlx unless it can't
     * load the adapter.
     */
    public Optional<List<ProviderKind>> fallback() {
        return Optional.ofNullable(fallbackKinds);
    }

    /** Returns the places to search for the interpreter of a worker kind. */
    public Interpreters interpretersOf(ProviderKind worker) {
        ProgramFolders folders = ProgramFolders.current();
        NamedInterpreter named = interpreters.get(worker);
        return named == null
                ? new Interpreters(null, "", home, folders)
                : new Interpreters(named.command(), named.setting(), home, folders);
    }

    /**
     * Creates a probe that checks whether a worker can run here with this configuration. Creating it has no side
     * effects.
     *
     * @param worker {@code MLX} or {@code HF}
     */
    public WorkerProbe probe(ProviderKind worker) {
        return probe(worker, Platform.current());
    }

    WorkerProbe probe(ProviderKind worker, Platform platform) {
        return new WorkerProbe(worker, platform, allowAnyPlatform, interpretersOf(worker));
    }

    @Override
    public List<BackendFacts> backends() {
        ProviderChoice choice = new ProviderChoice(this, Platform.current());
        return Stream.of(ProviderKind.MLX, ProviderKind.HF).map(choice::facts).toList();
    }

    /**
     * Returns the model that is configured specifically for a role. For {@code GENERAL}, this is the provider's model.
     */
    public Optional<String> model(ProviderKind provider, ModelRole role) {
        return Optional.ofNullable(
                role == ModelRole.GENERAL
                        ? models.get(provider)
                        : roleModels.getOrDefault(provider, Map.of()).get(role));
    }

    /** Creates a builder with default values. */
    public static Builder builder() {
        return new Builder();
    }

    /** Creates a builder with the values of this configuration. */
    public Builder toBuilder() {
        Builder builder = builder()
                .provider(named)
                .fallback(fallbackKinds)
                .home(home)
                .allowAnyPlatform(allowAnyPlatform)
                .download(download)
                .workers(workers)
                .pool(pool)
                .remote(remote);
        builder.models.putAll(models);
        roleModels.forEach((kind, roles) -> builder.roleModels.put(kind, new HashMap<>(roles)));
        builder.interpreters.putAll(interpreters);
        return builder;
    }

    /** Reads the configuration from the system properties and the environment. */
    public static ProviderConfig fromEnv() {
        return fromEnv(environment());
    }

    /**
     * Returns a copy of the variables that {@link #fromEnv()} reads: the environment, overridden by the system
     * properties.
     */
    public static Map<String, String> environment() {
        Map<String, String> environment = new HashMap<>(System.getenv());
        System.getProperties().stringPropertyNames().forEach(name -> environment.put(name, System.getProperty(name)));
        return environment;
    }

    /**
     * Reads the configuration from the given variables.
     *
     * @throws UnsupportedProviderException if a provider is unknown to mlx4j
     * @throws ConfigurationException if any other value is invalid
     */
    public static ProviderConfig fromEnv(Map<String, String> environment) {
        Builder builder = builder();
        for (Setting each : Setting.values()) {
            builder.setting(each.name(), environment.getOrDefault(each.name(), ""));
        }
        RoleSettings.read(environment, builder);
        return builder.build();
    }

    /** Builds a {@link ProviderConfig}. Not thread-safe. */
    public static final class Builder {
        private final Map<ProviderKind, String> models = new HashMap<>();
        private final Map<ProviderKind, Map<ModelRole, String>> roleModels = new HashMap<>();
        private final Map<ProviderKind, NamedInterpreter> interpreters = new HashMap<>();
        private final List<Mlx4jListener> listeners = new ArrayList<>();
        private @Nullable ProviderKind provider;
        private @Nullable List<ProviderKind> fallback;
        private @Nullable NamedInterpreter interpreter;
        private @Nullable Path home;
        private boolean allowAnyPlatform;
        private boolean download = true;
        private WorkerConfig.Builder workers = WorkerConfig.builder();
        private WorkerPoolConfig.Builder pool = WorkerPoolConfig.builder();
        private RemoteConfig.Builder remote = RemoteConfig.builder();

        private Builder() {}

        /**
         * Sets the provider to use. Default, also for {@code null}: the first available of mlx, hf, and ollama on this
         * machine.
         */
        public Builder provider(@Nullable ProviderKind provider) {
            this.provider = provider;
            return this;
        }

        /**
         * Sets the providers to use, in order, if the first one fails. Default, also for {@code null}: hf as the
         * fallback for mlx if it can load the adapter.
         */
        public Builder fallback(@Nullable List<ProviderKind> fallback) {
            this.fallback = fallback;
            return this;
        }

        /**
         * Sets the model of a provider: a folder, or a hub id; for a remote provider, the name that its server uses. It
         * serves every role for which no other model is set.
         */
        public Builder model(ProviderKind provider, String model) {
            models.put(provider, model);
            return this;
        }

        /**
         * Sets the model of a provider for one role. Default: the provider's model if one is set, or else the default
         * of the role ({@code docs/configuration.md}). For {@code GENERAL} this is the same as
         * {@link #model(ProviderKind, String)}.
         */
        public Builder model(ProviderKind provider, ModelRole role, String model) {
            if (role == ModelRole.GENERAL) {
                return model(provider, model);
            }
            roleModels.computeIfAbsent(provider, kind -> new HashMap<>()).put(role, model);
            return this;
        }

        /** Sets the model of a provider for every role, and discards the models set so far for its roles. */
        public Builder modelForEveryRole(ProviderKind provider, String model) {
            roleModels.remove(provider);
            return model(provider, model);
        }

        /**
         * Sets the Python interpreter of a worker: a path, or a program on the PATH. Default: its managed environment.
         */
        public Builder interpreter(ProviderKind provider, String command) {
            return interpreter(provider, command, "the configuration");
        }

        /** Sets the folder of the managed environments. Default: {@code ~/.mlx4j}. */
        public Builder home(Path home) {
            this.home = home;
            return this;
        }

        /** Sets whether the mlx worker may run on platforms other than macOS on Apple silicon. Default: false. */
        public Builder allowAnyPlatform(boolean allow) {
            this.allowAnyPlatform = allow;
            return this;
        }

        /** Sets whether a hub model that isn't in the cache may be downloaded. Default: true. */
        public Builder download(boolean download) {
            this.download = download;
            return this;
        }

        /** Adds a listener for requests, workers and circuit breakers. Exceptions that it throws have no effect. */
        public Builder listener(Mlx4jListener listener) {
            listeners.add(listener);
            return this;
        }

        /** Sets how the workers run and are supervised. */
        public Builder workers(WorkerConfig workers) {
            this.workers = workers.toBuilder();
            return this;
        }

        /** Changes how the workers run and are supervised. */
        public Builder workers(Consumer<WorkerConfig.Builder> change) {
            change.accept(workers);
            return this;
        }

        /**
         * Sets which workers may run at the same time if roles have their own models. Default: as many as fit into
         * memory.
         */
        public Builder pool(WorkerPoolConfig pool) {
            this.pool = pool.toBuilder();
            return this;
        }

        /** Changes which workers may run at the same time. */
        public Builder pool(Consumer<WorkerPoolConfig.Builder> change) {
            change.accept(pool);
            return this;
        }

        /**
         * Sets the addresses, keys and timeout of remote providers. Default: Ollama on this machine, and the services
         * of OpenAI and Anthropic.
         */
        public Builder remote(RemoteConfig remote) {
            this.remote = remote.toBuilder();
            return this;
        }

        /**
         * Sets the base URL of a remote provider. For {@code openai} it can be any server with a compatible API, such
         * as {@code http://localhost:8080/v1}. Default: Ollama on this machine, and the services of OpenAI and
         * Anthropic.
         *
         * @throws ConfigurationException if it is not a valid server URL
         */
        public Builder baseUrl(ProviderKind provider, String url) {
            remote.baseUrl(provider, url);
            return this;
        }

        /** Sets the API key of a remote provider. The key is sent only to that provider's server. */
        public Builder apiKey(ProviderKind provider, String key) {
            remote.key(provider, new ApiKey(key));
            return this;
        }

        /** Sets how long a remote server may be silent before a request fails. Default: two minutes. */
        public Builder remoteTimeout(Duration timeout) {
            remote.timeout(timeout);
            return this;
        }

        /**
         * Applies a setting from {@code docs/configuration.md}.
         *
         * @param name the name of the setting, such as {@code MLX_KV_BITS}
         * @param value a string as in an environment variable, where a blank one is ignored; or a value of the
         *     setting's type: a {@code Boolean}, an {@code Integer}, a {@code Duration}, or a size in bytes as a
         *     {@code Long}
         * @throws UnsupportedProviderException if a provider is unknown to mlx4j
         * @throws ConfigurationException if any other value is invalid, or if there is no such setting
         */
        public Builder setting(String name, Object value) {
            Object given = value instanceof String text ? text.strip() : value;
            if (given.equals("") || RoleSettings.set(this, name, given)) {
                return this;
            }
            Arrays.stream(Setting.values())
                    .filter(setting -> setting.name().equals(name))
                    .findFirst()
                    .orElseThrow(() -> new ConfigurationException(
                            "There is no setting " + name + ".", "See docs/configuration.md for all settings."))
                    .set(this, given);
            return this;
        }

        /** Builds the configuration. */
        public ProviderConfig build() {
            Map<ProviderKind, NamedInterpreter> all = new HashMap<>(interpreters);
            if (interpreter != null) {
                all.putIfAbsent(ProviderKind.MLX, interpreter);
                all.putIfAbsent(ProviderKind.HF, interpreter);
            }
            WorkerConfig built = workers.build();
            if (!listeners.isEmpty()) {
                List<Mlx4jListener> every = new ArrayList<>(listeners);
                if (built.listener() != null) {
                    every.add(0, built.listener());
                }
                built = built.toBuilder().listener(Mlx4jListener.all(every)).build();
            }
            return new ProviderConfig(
                    provider,
                    fallback,
                    models,
                    roleModels,
                    all,
                    home == null ? UserPath.of(System.getProperty("user.home"), ".mlx4j") : home,
                    allowAnyPlatform,
                    download,
                    built,
                    pool.build(),
                    remote.build());
        }

        /** Sets the interpreter of the workers for which none is set. */
        Builder interpreter(String command, String setting) {
            interpreter = new NamedInterpreter(command, setting);
            return this;
        }

        Builder interpreter(ProviderKind provider, String command, String setting) {
            interpreters.put(provider, new NamedInterpreter(command, setting));
            return this;
        }
    }
}
