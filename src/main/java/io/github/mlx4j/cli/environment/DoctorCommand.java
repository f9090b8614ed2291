package io.github.mlx4j.cli.environment;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.Selection;
import io.github.mlx4j.cli.generate.ProviderOptions;
import io.github.mlx4j.cli.output.ExitCode;
import io.github.mlx4j.cli.output.Json;
import io.github.mlx4j.cli.output.Version;
import io.github.mlx4j.device.DeviceManager;
import io.github.mlx4j.environment.Availability;
import io.github.mlx4j.environment.Platform;
import io.github.mlx4j.error.Mlx4jException;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code mlx4j doctor}: which providers can run on this machine, why others can't, and which one would be used. */
@Command(
        name = "doctor",
        description = "Check which providers can run on this machine, and explain how to fix the others.",
        mixinStandardHelpOptions = true,
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {"0:a provider is available", "3:no provider is available"})
public final class DoctorCommand implements Callable<Integer> {

    private static final int MAX_EVENTS = 10;
    private static final int MAX_JOURNAL_BYTES = 1024 * 1024;
    private static final JsonMapper JSON = new JsonMapper();

    @Mixin
    private final ProviderOptions provider = new ProviderOptions();

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    @Override
    public Integer call() throws Exception {
        PrintWriter out = spec.commandLine().getOut();
        try (ProviderFactory providers = provider.factory()) {
            Map<String, Object> report = report(providers);
            if (json) {
                out.println(Json.text(report));
            } else {
                print(report, out);
            }
            return report.get("selection") != null ? 0 : ExitCode.NOTHING_AVAILABLE;
        }
    }

    private static Map<String, Object> report(ProviderFactory providers) throws InterruptedException {
        Map<String, Object> report = new LinkedHashMap<>();
        Platform platform = Platform.current();
        report.put("mlx4j", Version.text());
        report.put("java", System.getProperty("java.version"));
        report.put("os", platform.os());
        report.put("arch", platform.arch());
        report.put("hardware", HardwareSection.describe(new DeviceManager()));
        report.put("home", providers.config().home().toString());
        List<Map<String, Object>> attempts = new ArrayList<>();
        for (Selection.Attempt attempt : providers.diagnose()) {
            attempts.add(describe(attempt, providers));
        }
        report.put("providers", attempts);
        report.put("sandbox", SandboxSection.describe(providers));
        report.put("workers", lastEvents(providers));
        try {
            Selection selection = providers.selection();
            Map<String, Object> chosen = new LinkedHashMap<>();
            chosen.put("provider", selection.provider().id());
            chosen.put(
                    "fallback",
                    selection.fallback().stream().map(kind -> kind.id()).toList());
            report.put("selection", chosen);
            report.put("roles", RolesSection.describe(providers));
        } catch (Mlx4jException none) {
            report.put("selection", null);
            report.put("error", none.code() + ": " + none.getMessage());
        }
        return report;
    }

    /** Returns recent events of workers on this machine, oldest first. */
    private static List<Map<String, Object>> lastEvents(ProviderFactory providers) {
        Path journal = providers.config().home().resolve(ProviderFactory.JOURNAL);
        String text;
        try (InputStream file = Files.newInputStream(journal)) {
            file.skipNBytes(Math.max(0, Files.size(journal) - MAX_JOURNAL_BYTES));
            text = new String(file.readNBytes(MAX_JOURNAL_BYTES), StandardCharsets.UTF_8);
        } catch (IOException none) {
            return List.of(); // no worker has run yet
        }
        List<Map<String, Object>> events = new ArrayList<>();
        for (String line : text.lines().toList()) {
            try {
                events.add(JSON.readValue(line, new TypeReference<>() {}));
            } catch (JsonProcessingException halfWritten) {
                continue; // a program ended in the middle of a write, or the line was truncated
            }
        }
        return events.subList(Math.max(0, events.size() - MAX_EVENTS), events.size());
    }

    private static Map<String, Object> describe(Selection.Attempt attempt, ProviderFactory providers) {
        Map<String, Object> described = new LinkedHashMap<>();
        described.put("provider", attempt.provider().id());
        described.put("available", attempt.availability().isReady());
        if (attempt.availability() instanceof Availability.Unavailable not) {
            described.put("code", not.code().name());
            described.put("reason", not.reason());
            described.put("fix", not.fix());
        } else if (attempt.availability() instanceof Availability.Ready ready) {
            described.put("interpreter", ready.interpreter().toString());
            described.put("python", ready.python());
            described.put("versions", new TreeMap<>(ready.versions()));
            providers
                    .config()
                    .probe(attempt.provider())
                    .warning(ready.interpreter())
                    .ifPresent(warning -> described.put("warning", warning));
            if (!ready.launcher().isEmpty()) {
                described.put(
                        "warning",
                        "This JVM is an Intel one, which Rosetta translates. Python is started as arm64 with `%s`."
                                        .formatted(String.join(" ", ready.launcher()))
                                + " Use a JDK for macOS aarch64, which is faster.");
            }
        } else if (attempt.availability() instanceof Availability.Remote remote) {
            described.put("server", remote.server().toString());
            described.put("asked", remote.asked());
        }
        described.put("model", providers.model(attempt.provider()).orElse(null));
        return described;
    }

    /** Returns a field that every report contains. */
    static <T> T required(Map<?, ?> report, String field, Class<T> type) {
        return type.cast(Objects.requireNonNull(report.get(field), field));
    }

    private static void print(Map<String, Object> report, PrintWriter out) {
        out.printf(
                "mlx4j %s, Java %s, %s on %s%n",
                report.get("mlx4j"), report.get("java"), report.get("os"), report.get("arch"));
        HardwareSection.print(required(report, "hardware", Map.class), out);
        for (Object entry : required(report, "providers", List.class)) {
            Map<?, ?> one = (Map<?, ?>) entry;
            if (one.get("server") != null) {
                out.printf("%n%s: available%n", one.get("provider"));
                out.printf(
                        "  server       %s (%s)%n",
                        one.get("server"), Boolean.TRUE.equals(one.get("asked")) ? "it answers" : "not asked");
            } else if (Boolean.TRUE.equals(one.get("available"))) {
                out.printf("%n%s: available%n", one.get("provider"));
                out.printf("  interpreter  %s (Python %s)%n", one.get("interpreter"), one.get("python"));
                out.printf("  packages     %s%n", one.get("versions"));
                if (one.get("warning") != null) {
                    out.printf("  warning      %s%n", one.get("warning"));
                }
            } else {
                out.printf("%n%s: not available (%s)%n", one.get("provider"), one.get("code"));
                out.printf("  why          %s%n", one.get("reason"));
                out.printf("  what to do   %s%n", one.get("fix"));
            }
            out.printf(
                    "  model        %s%n",
                    one.get("model") == null
                            ? "none known: set %s_MODEL"
                                    .formatted(required(one, "provider", String.class)
                                            .toUpperCase(Locale.ROOT))
                            : one.get("model"));
        }
        SandboxSection.print(required(report, "sandbox", Map.class), out);
        List<?> events = required(report, "workers", List.class);
        if (!events.isEmpty()) {
            out.printf("%nworkers lately (%s):%n", Path.of((String) report.get("home"), ProviderFactory.JOURNAL));
            for (Object entry : events) {
                Map<?, ?> event = (Map<?, ?>) entry;
                out.printf(
                        "  %s %-4s %-8s %s%n",
                        event.get("time"), event.get("worker"), event.get("event"), event.get("detail"));
            }
        }
        if (report.get("selection") instanceof Map<?, ?> chosen) {
            out.printf("%nchosen: %s, behind it: %s%n", chosen.get("provider"), chosen.get("fallback"));
            RolesSection.print(required(report, "roles", Map.class), out);
        } else {
            out.printf("%n%s%n", report.get("error"));
        }
    }
}
