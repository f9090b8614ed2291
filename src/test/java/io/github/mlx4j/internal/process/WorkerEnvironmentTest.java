package io.github.mlx4j.internal.process;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mlx4j.provider.ProviderKind;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WorkerEnvironmentTest {

    @ParameterizedTest
    @ValueSource(strings = {"HOME", "PATH", "TMPDIR", "LANG", "LC_ALL", "LC_CTYPE", "HF_HOME", "HF_HUB_CACHE"})
    void shouldInheritAVariableWhenAWorkerNeedsIt(String name) {
        assertThat(WorkerEnvironment.from(Map.of(name, "ours"), Map.of())).containsEntry(name, "ours");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "HF_TOKEN",
                "OPENAI_API_KEY",
                "AWS_SECRET_ACCESS_KEY",
                "GITHUB_TOKEN",
                "PYTHONPATH",
                "PYTHONSTARTUP",
                "LD_PRELOAD",
                "DYLD_INSERT_LIBRARIES",
                "path",
                "NOT_LC_ALL",
                "LC_SECRET",
                "SSL_CERT_FILE",
                "HTTPS_PROXY"
            })
    void shouldRemoveAVariableWhenItIsNotListed(String name) {
        assertThat(WorkerEnvironment.from(Map.of(name, "ours"), Map.of()))
                .as("null removes it")
                .containsEntry(name, null);
    }

    @Test
    void shouldInheritProxiesAndCertificatesOnlyWhenAWorkerUsesTheNetwork() {
        Map<String, String> ours = new HashMap<>();
        for (String name : List.of("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")) {
            ours.put(name, "ours");
            ours.put(name.toLowerCase(Locale.ROOT), "ours");
        }
        for (String name : List.of("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")) {
            ours.put(name, "ours");
        }

        assertThat(launch(true).variables(ours, new Properties())).containsAllEntriesOf(ours);
        assertThat(launch(false).variables(ours, properties("https.proxyHost", "proxy.example")))
                .doesNotContainValue("ours")
                .doesNotContainKey("HF_TOKEN")
                .allSatisfy((name, value) -> assertThat(value).isNotEqualTo("http://proxy.example:443"));
    }

    @Test
    void shouldPassJavasProxySettingsOnBeforeThoseOfTheEnvironment() {
        Properties system = properties(
                "https.proxyHost", "proxy.example",
                "https.proxyPort", "3128",
                "http.proxyHost", "plain.example",
                "http.nonProxyHosts", "localhost|127.*|[::1]|*.corp.example|10.0.0.1|*");

        assertThat(launch(true).variables(Map.of("https_proxy", "http://other.example"), system))
                .containsEntry("https_proxy", "http://proxy.example:3128")
                .containsEntry("HTTPS_PROXY", "http://proxy.example:3128")
                .containsEntry("http_proxy", "http://plain.example:80")
                .containsEntry("HTTP_PROXY", "http://plain.example:80")
                .containsEntry("NO_PROXY", "localhost,127.0.0.1,::1,.corp.example,10.0.0.1,*");
        assertThat(WorkerEnvironment.proxies(properties("http.nonProxyHosts", "a")))
                .isEmpty();
    }

    @Test
    void shouldNameTheCertificatesAsTheHubsClientReadsThem() {
        Map<String, String> bundle = Map.of("REQUESTS_CA_BUNDLE", "/ca.pem");
        Map<String, String> both = Map.of("REQUESTS_CA_BUNDLE", "/ca.pem", "SSL_CERT_FILE", "/own.pem");

        assertThat(launch(true).variables(bundle, new Properties())).containsEntry("SSL_CERT_FILE", "/ca.pem");
        assertThat(launch(true).variables(both, new Properties())).containsEntry("SSL_CERT_FILE", "/own.pem");
    }

    private static WorkerLaunch launch(boolean network) {
        return WorkerLaunch.of(ProviderKind.MLX, List.of("python"), folder -> folder, network, null, Sandbox.OFF);
    }

    private static Properties properties(String... pairs) {
        Properties properties = new Properties();
        for (int i = 0; i < pairs.length; i += 2) {
            properties.setProperty(pairs[i], pairs[i + 1]);
        }
        return properties;
    }

    @Test
    void shouldSetWhatEveryWorkerHas() {
        assertThat(WorkerEnvironment.from(Map.of("HF_HUB_DISABLE_TELEMETRY", "0"), Map.of()))
                .containsOnly(
                        Map.entry("TOKENIZERS_PARALLELISM", "false"),
                        Map.entry("HF_HUB_DISABLE_PROGRESS_BARS", "1"),
                        Map.entry("HF_HUB_DISABLE_TELEMETRY", "1"),
                        Map.entry("PYTORCH_ENABLE_MPS_FALLBACK", "1"));
    }

    @Test
    void shouldTakeTheExtraValueWhenAVariableIsNamedTwice() {
        assertThat(WorkerEnvironment.from(
                        Map.of("HF_HOME", "ours", "HF_HUB_OFFLINE", "0"),
                        Map.of("HF_HOME", "extra", "HF_HUB_OFFLINE", "1")))
                .containsEntry("HF_HOME", "extra")
                .containsEntry("HF_HUB_OFFLINE", "1");
    }
}
