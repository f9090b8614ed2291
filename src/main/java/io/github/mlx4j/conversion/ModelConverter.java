package io.github.mlx4j.conversion;

import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.config.Dtype;
import io.github.mlx4j.config.SandboxMode;
import io.github.mlx4j.environment.Availability;
import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.error.ConversionException;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.internal.files.UserPath;
import io.github.mlx4j.internal.process.BundledScripts;
import io.github.mlx4j.internal.process.PrivateFolder;
import io.github.mlx4j.internal.process.Sandbox;
import io.github.mlx4j.internal.process.WorkerLaunch;
import io.github.mlx4j.internal.process.WorkerLimits;
import io.github.mlx4j.internal.process.WorkerScripts;
import io.github.mlx4j.internal.protocol.Conversion;
import io.github.mlx4j.internal.protocol.HubToken;
import io.github.mlx4j.internal.protocol.Load;
import io.github.mlx4j.internal.protocol.Method;
import io.github.mlx4j.internal.protocol.WorkerCall;
import io.github.mlx4j.internal.worker.SerialWorker;
import io.github.mlx4j.provider.ProviderKind;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Converts models into folders that mlx loads: changes the data type of the weights, quantizes or dequantizes them, or
 * merges an adapter. Each call runs in its own worker process, which holds first the source and then the result in
 * memory.
 *
 * <p>The result is read back and compared with its source before it is moved to its final name. The output folder is
 * therefore written completely or not at all; an existing folder is never touched. If there is an hf environment, the
 * result is also compared with the source on transformers ({@link VerifyWith}); the worker for this ends before the
 * conversion begins. Thread-safe.
 */
public final class ModelConverter {

    private final Engine mlx;
    private final Engine hf;
    private final boolean download;
    private final Map<String, String> environment;
    private final SandboxMode sandbox;

    /**
     * Creates a converter. Nothing is started yet.
     *
     * @param providers the workers' interpreters, and whether models may be downloaded
     */
    public ModelConverter(ProviderConfig providers) {
        this(
                new Engine(providers.probe(ProviderKind.MLX)::check, new BundledScripts("mlx_worker.py")),
                new Engine(providers.probe(ProviderKind.HF)::check, new BundledScripts("hf_worker.py")),
                providers.download(),
                System.getenv(),
                providers.workers().sandbox());
    }

    /** A type of worker: whether it can run here, and its script. */
    record Engine(Supplier<Availability> probe, WorkerScripts scripts) {}

    /** Creates a converter with other workers. {@code environment} contains the user's hub token. */
    ModelConverter(Engine mlx, Engine hf, boolean download, Map<String, String> environment, SandboxMode sandbox) {
        this.mlx = mlx;
        this.hf = hf;
        this.download = download;
        this.environment = environment;
        this.sandbox = sandbox;
    }

    /** Converts a model without reporting progress; see {@link #convert(ConversionConfig, ConversionListener)}. */
    public ConversionReport convert(ConversionConfig config) {
        return convert(config, ConversionListener.NONE);
    }

    /**
     * Converts a model and waits for the result. To cancel it, interrupt the thread.
     *
     * @throws ConversionException if the result can't be written, or differs from its source or from what transformers
     *     computes
     * @throws ConfigurationException if the model doesn't support the conversion, or the output already exists
     * @throws CancelledException if the thread is interrupted
     * @throws Mlx4jException if the model can't be loaded, or the worker fails
     */
    public ConversionReport convert(ConversionConfig config, ConversionListener listener) {
        Quantization quantization = config.quantization();
        ConversionConfig.Recipe recipe = config.recipe();
        Dtype dtype = config.dtype();
        Integer groupSize = quantization == null ? null : quantization.groupSize();
        boolean network = downloadsItself() && isOfHub(config.source());
        Conversion.Options options = new Conversion.Options(
                null,
                null,
                null,
                dtype == null ? null : dtype.id(),
                quantization == null ? null : quantization.bits(),
                recipe == null ? groupSize : Integer.valueOf(config.recipeGroupSize()),
                quantization == null ? null : quantization.mode().id(),
                recipe == null ? null : recipe.id(),
                config.dequantize() ? true : null);
        Load.Params<Conversion.Options> load = load(config.source(), network).withRevision(config.revision());
        Conversion.Options loaded = Conversion.Options.loading(null, null, null);
        return run(
                new Job(Method.CONVERT, load.with(options), load.with(loaded), network, config.output()),
                config.verifyWith(),
                listener);
    }

    /** Merges an adapter without reporting progress; see {@link #fuse(FusionConfig, ConversionListener)}. */
    public ConversionReport fuse(FusionConfig config) {
        return fuse(config, ConversionListener.NONE);
    }

    /**
     * Merges an adapter, or an expert of a DyLoRA-MoE, into its base model and waits for the result. To cancel it,
     * interrupt the thread.
     *
     * @throws ConversionException if the adapter can't be merged, or the result can't be written or differs from the
     *     base with its adapter
     * @throws ConfigurationException if the model doesn't support the fusion, or the output already exists
     * @throws CancelledException if the thread is interrupted
     * @throws Mlx4jException if the model can't be loaded, or the worker fails
     */
    public ConversionReport fuse(FusionConfig config, ConversionListener listener) {
        Path adapter = config.adapter();
        String base = config.base();
        boolean itsOwnBase = adapter != null && base == null; // otherwise the source may name a hub model
        boolean network = downloadsItself() && (isOfHub(config.source()) || !itsOwnBase);
        Conversion.Options loaded = Conversion.Options.loading(
                adapter == null ? null : absolute(adapter), base == null ? null : absolute(base), config.expert());
        Load.Params<Conversion.Options> load = load(config.source(), network);
        return run(
                new Job(
                        Method.FUSE,
                        load.with(loaded.dequantized(config.dequantize())),
                        load.with(loaded),
                        network,
                        config.output()),
                config.verifyWith(),
                listener);
    }

    private Load.Params<Conversion.Options> load(String source, boolean network) {
        return Load.Params.<Conversion.Options>of(absolute(source), download).withToken(token(network));
    }

    /** A call of the mlx worker, and the parameters with which transformers loads the same model. */
    private record Job(
            Method method,
            Load.Params<Conversion.Options> load,
            Load.Params<Conversion.Options> reference,
            boolean network,
            Path output) {}

    private ConversionReport run(Job job, VerifyWith wish, ConversionListener listener) {
        List<String> python = mlx.probe.get().commandOrThrow(ProviderKind.MLX);
        try (PrivateFolder scratch = PrivateFolder.create("reference")) {
            String file = scratch.path().resolve("reference.npz").toString();
            String notCompared = Files.exists(job.output) // the mlx worker rejects this immediately
                    ? ""
                    : reference(job, scratch.path())
                            .write(wish, new Conversion.Params(job.reference, null, null, file), listener);
            boolean tf32 = false; // the comparison must be exact
            Sandbox rules = new Sandbox(sandbox.id(), false, List.of(), Path.of(absolute(job.output)));
            WorkerLaunch launch = WorkerLaunch.of(ProviderKind.MLX, python, mlx.scripts, job.network, tf32, rules);
            Conversion.Params params =
                    new Conversion.Params(job.load, absolute(job.output), notCompared == null ? file : null, null);
            try (SerialWorker worker = SerialWorker.start(launch, WorkerLimits.STANDARD)) {
                return worker.load(
                                WorkerCall.of(job.method, params, ConversionReport.class),
                                told -> listener.onProgress(told.phase(), told.done(), told.total(), told.unit()))
                        .withNotCompared(notCompared);
            }
        } catch (InvalidRequestException wrong) { // there is no user prompt here, so the configuration is wrong
            throw new ConfigurationException(wrong.reason(), wrong.hint(), wrong);
        }
    }

    private TransformersReference reference(Job job, Path folder) {
        Sandbox rules = new Sandbox(sandbox.id(), false, List.of(folder), null);
        return new TransformersReference(() -> WorkerLaunch.of(
                ProviderKind.HF, hf.probe.get().commandOrThrow(ProviderKind.HF), hf.scripts, job.network, null, rules));
    }

    /**
     * Returns whether the worker itself downloads its model. Otherwise it has no network access, and another process
     * downloads the model.
     */
    private boolean downloadsItself() {
        return download && sandbox == SandboxMode.OFF;
    }

    private @Nullable HubToken token(boolean network) {
        return network ? HubToken.in(environment) : null;
    }

    /**
     * Returns a folder's absolute path, since the worker has its own working directory. Hub ids are returned unchanged.
     */
    private static String absolute(String model) {
        return isOfHub(model) ? model : absolute(UserPath.of(model));
    }

    private static String absolute(Path path) {
        return path.toAbsolutePath().normalize().toString();
    }

    private static boolean isOfHub(String model) {
        return !Files.isDirectory(UserPath.of(model));
    }
}
