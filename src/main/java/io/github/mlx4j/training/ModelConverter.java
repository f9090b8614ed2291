package io.github.mlx4j.training;

import io.github.mlx4j.ProviderConfig;
import io.github.mlx4j.adapter.Dtype;
import io.github.mlx4j.adapter.SandboxMode;
import io.github.mlx4j.error.CancelledException;
import io.github.mlx4j.error.ConfigurationException;
import io.github.mlx4j.error.ConversionException;
import io.github.mlx4j.error.InvalidRequestException;
import io.github.mlx4j.error.Mlx4jException;
import io.github.mlx4j.error.ProviderUnavailableException;
import io.github.mlx4j.internal.files.UserPath;
import io.github.mlx4j.internal.protocol.ConvertParams;
import io.github.mlx4j.internal.protocol.FuseParams;
import io.github.mlx4j.internal.protocol.HubToken;
import io.github.mlx4j.internal.protocol.InitializeParams.ModelParams;
import io.github.mlx4j.internal.protocol.ProtocolVersion;
import io.github.mlx4j.internal.worker.BundledScripts;
import io.github.mlx4j.internal.worker.Sandbox;
import io.github.mlx4j.internal.worker.SerialWorker;
import io.github.mlx4j.internal.worker.WorkerLaunch;
import io.github.mlx4j.internal.worker.WorkerLimits;
import io.github.mlx4j.internal.worker.WorkerScripts;
import io.github.mlx4j.port.ProviderKind;
import io.github.mlx4j.probe.Availability;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Writes model folders that mlx loads out of others: with another type of weights, quantized or no longer so, or with
 * an adapter merged in. Each call has a worker process of its own, with the source in memory, then the result. What is
 * written is read and compared with its source before it gets its name, so the folder is there whole or not at all; an
 * existing one is never touched. Thread-safe.
 */
public final class ModelConverter {

    private final Supplier<Availability> probe;
    private final WorkerScripts scripts;
    private final boolean download;
    private final Map<String, String> environment;
    private final SandboxMode sandbox;

    /**
     * Creates it; nothing is started yet.
     *
     * @param providers where the mlx worker's interpreter is, and whether models may be downloaded
     */
    public ModelConverter(ProviderConfig providers) {
        this(
                providers.probe(ProviderKind.MLX)::check,
                new BundledScripts("mlx_worker.py"),
                providers.download(),
                System.getenv(),
                providers.workers().sandbox());
    }

    /** With another worker, and the environment that has the user's token of the hub. */
    ModelConverter(
            Supplier<Availability> probe,
            WorkerScripts scripts,
            boolean download,
            Map<String, String> environment,
            SandboxMode sandbox) {
        this.probe = probe;
        this.scripts = scripts;
        this.download = download;
        this.environment = environment;
        this.sandbox = sandbox;
    }

    /** As {@link #convert(ConversionConfig, ConversionListener)}, without a listener. */
    public ConversionReport convert(ConversionConfig config) {
        return convert(config, ConversionListener.NONE);
    }

    /**
     * Converts a model, and waits for it. To cancel it, interrupt the thread.
     *
     * @throws ConversionException if it can't be written, or is not like its source
     * @throws ConfigurationException if something can't be made of this model, or the output is there already
     * @throws CancelledException if the thread is interrupted
     * @throws Mlx4jException if the model can't be loaded, or the worker fails
     */
    public ConversionReport convert(ConversionConfig config, ConversionListener listener) {
        Quantization quantization = config.quantization();
        ConversionConfig.Recipe recipe = config.recipe();
        Dtype dtype = config.dtype();
        Integer groupSize = quantization == null ? null : quantization.groupSize();
        boolean network = downloadsItself() && isOfHub(config.source());
        ConvertParams params = new ConvertParams(
                ProtocolVersion.CURRENT,
                new ModelParams(absolute(config.source()), config.revision()),
                download,
                token(network),
                absolute(config.output()),
                new ConvertParams.Options(
                        dtype == null ? null : dtype.id(),
                        quantization == null ? null : quantization.bits(),
                        recipe == null ? groupSize : Integer.valueOf(config.recipeGroupSize()),
                        quantization == null ? null : quantization.mode().id(),
                        recipe == null ? null : recipe.id(),
                        config.dequantize() ? true : null));
        return run("convert", params, network, config.output(), listener);
    }

    /** As {@link #fuse(FusionConfig, ConversionListener)}, without a listener. */
    public ConversionReport fuse(FusionConfig config) {
        return fuse(config, ConversionListener.NONE);
    }

    /**
     * Merges an adapter, or an expert of a DyLoRA-MoE, into its base model, and waits for it. To cancel it, interrupt
     * the thread.
     *
     * @throws ConversionException if it can't be merged or written, or is not like the base with its adapter
     * @throws ConfigurationException if something can't be made of this model, or the output is there already
     * @throws CancelledException if the thread is interrupted
     * @throws Mlx4jException if the model can't be loaded, or the worker fails
     */
    public ConversionReport fuse(FusionConfig config, ConversionListener listener) {
        Path adapter = config.adapter();
        String base = config.base();
        boolean itsOwnBase = adapter != null && base == null; // else the source may name one of the hub
        boolean network = downloadsItself() && (isOfHub(config.source()) || !itsOwnBase);
        FuseParams params = new FuseParams(
                ProtocolVersion.CURRENT,
                new ModelParams(absolute(config.source()), null),
                download,
                token(network),
                absolute(config.output()),
                new FuseParams.Options(
                        adapter == null ? null : absolute(adapter),
                        base == null ? null : absolute(base),
                        config.expert(),
                        config.dequantize() ? true : null));
        return run("fuse", params, network, config.output(), listener);
    }

    private ConversionReport run(
            String method, Object params, boolean network, Path output, ConversionListener listener) {
        try (SerialWorker worker = SerialWorker.start(launch(network, output), WorkerLimits.STANDARD)) {
            return worker.load(
                    method,
                    params,
                    ConversionReport.class,
                    told -> listener.onProgress(told.phase(), told.done(), told.total(), told.unit()));
        } catch (InvalidRequestException wrong) { // no prompt's fault: the configuration is wrong
            throw new ConfigurationException(wrong.reason(), wrong.hint(), wrong);
        }
    }

    private WorkerLaunch launch(boolean network, Path output) {
        Availability found = probe.get();
        if (found instanceof Availability.Unavailable not) {
            throw new ProviderUnavailableException("MLX_NOT_AVAILABLE", not.reason(), not.fix());
        }
        List<String> python = ((Availability.Ready) found).command();
        boolean tf32 = false; // the comparison with the source is a proof
        Sandbox rules = new Sandbox(sandbox.id(), false, List.of(), Path.of(absolute(output)));
        return WorkerLaunch.of(ProviderKind.MLX, python, scripts, network, tf32, rules);
    }

    /** Whether the worker itself downloads its model; otherwise it has no network, and another process does. */
    private boolean downloadsItself() {
        return download && sandbox == SandboxMode.OFF;
    }

    private @Nullable HubToken token(boolean network) {
        return network ? HubToken.in(environment) : null;
    }

    /** A folder's absolute path, since the worker has a working directory of its own; a hub id as it is. */
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
