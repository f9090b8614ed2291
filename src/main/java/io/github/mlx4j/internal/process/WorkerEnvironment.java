package io.github.mlx4j.internal.process;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.stream.Collectors;

/** Selects the environment variables of a child process: only those that it needs. */
public final class WorkerEnvironment {

    private static final Set<String> INHERITED = Set.of(
            "HOME",
            "USER",
            "LOGNAME",
            "SHELL",
            "PATH",
            "TMPDIR",
            "LANG",
            "LC_ALL",
            "LC_COLLATE",
            "LC_CTYPE",
            "LC_MESSAGES",
            "LC_MONETARY",
            "LC_NUMERIC",
            "LC_TIME",
            "HF_HOME",
            "HF_HUB_CACHE",
            "HF_ENDPOINT",
            "XDG_CACHE_HOME",
            "CUDA_VISIBLE_DEVICES",
            "OMP_NUM_THREADS");

    private static final Map<String, String> FIXED = Map.of(
            "TOKENIZERS_PARALLELISM", "false",
            "HF_HUB_DISABLE_PROGRESS_BARS", "1",
            "HF_HUB_DISABLE_TELEMETRY", "1",
            "PYTORCH_ENABLE_MPS_FALLBACK", "1"); // operations missing in MPS run on the CPU; no effect elsewhere

    /** Proxy and certificate variables, for a process that uses the network. */
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

    /** Returns a map for zt-exec that removes all variables, for a process that needs none. */
    public static Map<String, String> none(Map<String, String> ours) {
        Map<String, String> environment = new HashMap<>();
        ours.keySet().forEach(name -> environment.put(name, null));
        return environment;
    }

    /** Returns the variables of a child process for zt-exec; {@code null} removes a variable. */
    public static Map<String, String> from(Map<String, String> ours, Map<String, String> extra) {
        return from(ours, Set.of(), extra);
    }

    /**
     * Returns the variables of a child process that also inherits those named in {@code also}, such as
     * {@link #NETWORK}.
     */
    public static Map<String, String> from(Map<String, String> ours, Set<String> also, Map<String, String> extra) {
        Map<String, String> environment = new HashMap<>();
        ours.forEach(
                (name, value) -> environment.put(name, INHERITED.contains(name) || also.contains(name) ? value : null));
        environment.putAll(FIXED);
        environment.putAll(extra);
        return environment;
    }

    /**
     * Returns the variables of a child process that uses the network: they include {@link #NETWORK} and Java's proxy
     * settings.
     */
    static Map<String, String> ofNetwork(Map<String, String> ours, Properties system, Map<String, String> extra) {
        Map<String, String> more = new HashMap<>(proxies(system));
        String bundle = ours.getOrDefault("REQUESTS_CA_BUNDLE", ours.get("CURL_CA_BUNDLE"));
        if (bundle != null && !ours.containsKey("SSL_CERT_FILE") && !ours.containsKey("SSL_CERT_DIR")) {
            more.put("SSL_CERT_FILE", bundle); // the only variable that the hub's client reads
        }
        more.putAll(extra);
        return from(ours, NETWORK, more);
    }

    /**
     * Returns Java's proxy settings as variables, for a process that uses the network: {@code https.proxyHost},
     * {@code http.proxyHost}, their ports, and {@code http.nonProxyHosts}. Empty if no proxy host is set.
     */
    public static Map<String, String> proxies(Properties system) {
        Map<String, String> variables = new HashMap<>();
        proxy(system, "https", "443").ifPresent(url -> put(variables, "https_proxy", url));
        proxy(system, "http", "80").ifPresent(url -> put(variables, "http_proxy", url));
        if (!variables.isEmpty()) {
            String direct = system.getProperty("http.nonProxyHosts", "localhost|127.*|[::1]");
            String hosts = Arrays.stream(direct.split("\\|"))
                    .map(host -> host.equals("127.*") ? "127.0.0.1" : host.replaceFirst("^\\*(?=.)", ""))
                    .map(host -> host.replaceAll("[\\[\\]]", ""))
                    .collect(Collectors.joining(","));
            put(variables, "no_proxy", hosts);
        }
        return variables;
    }

    private static Optional<String> proxy(Properties system, String scheme, String usualPort) {
        String host = system.getProperty(scheme + ".proxyHost", "");
        return host.isBlank()
                ? Optional.empty()
                : Optional.of("http://%s:%s".formatted(host, system.getProperty(scheme + ".proxyPort", usualPort)));
    }

    /** Sets a variable in both cases, because programs differ in which one they read first. */
    private static void put(Map<String, String> variables, String name, String value) {
        variables.put(name, value);
        variables.put(name.toUpperCase(Locale.ROOT), value);
    }
}
