package io.github.mlx4j.internal.worker;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/** The environment of a worker: what it needs of ours, and nothing else. */
public final class WorkerEnvironment {

    private static final Set<String> INHERITED = Set.of(
            "HOME",
            "USER",
            "LOGNAME",
            "SHELL",
            "PATH",
            "TMPDIR",
            "LANG",
            "HF_HOME",
            "HF_HUB_CACHE",
            "HF_ENDPOINT",
            "XDG_CACHE_HOME",
            "SSL_CERT_FILE",
            "CUDA_VISIBLE_DEVICES",
            "OMP_NUM_THREADS");

    private static final Map<String, String> FIXED = Map.of(
            "TOKENIZERS_PARALLELISM", "false",
            "HF_HUB_DISABLE_PROGRESS_BARS", "1",
            "HF_HUB_DISABLE_TELEMETRY", "1",
            "PYTORCH_ENABLE_MPS_FALLBACK", "1"); // operations that MPS lacks run on the CPU; no effect elsewhere

    /** Proxies and certificates, for a process that uses the network. */
    public static final Set<String> NETWORK = Set.of(
            "HTTPS_PROXY",
            "HTTP_PROXY",
            "ALL_PROXY",
            "NO_PROXY",
            "https_proxy",
            "http_proxy",
            "all_proxy",
            "no_proxy",
            "REQUESTS_CA_BUNDLE",
            "CURL_CA_BUNDLE",
            "SSL_CERT_FILE",
            "SSL_CERT_DIR");

    private WorkerEnvironment() {}

    /** The variables of a child process, as zt-exec takes them: {@code null} removes one. */
    public static Map<String, String> from(Map<String, String> ours, Map<String, String> extra) {
        return from(ours, Set.of(), extra);
    }

    /** The same, which also inherits the variables named in {@code also}, such as {@link #NETWORK}. */
    public static Map<String, String> from(Map<String, String> ours, Set<String> also, Map<String, String> extra) {
        Map<String, String> environment = new HashMap<>();
        ours.forEach((name, value) -> environment.put(
                name, INHERITED.contains(name) || also.contains(name) || name.startsWith("LC_") ? value : null));
        environment.putAll(FIXED);
        environment.putAll(extra);
        return environment;
    }
}
