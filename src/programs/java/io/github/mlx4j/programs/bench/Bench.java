package io.github.mlx4j.programs.bench;

import io.github.mlx4j.provider.ProviderKind;
import io.github.mlx4j.report.Interval;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.LinkedHashMap;
import java.util.Map;

/** Benchmarks mlx4j against other ways to use the same engine. Exits with 1 if a gate is missed. */
public final class Bench {

    static final Map<String, Scenario> SCENARIOS = new LinkedHashMap<>();

    static {
        SCENARIOS.put("start", new Start());
        SCENARIOS.put("speed", new Speed());
        SCENARIOS.put("arrivals", new Arrivals());
        SCENARIOS.put("context", new Context());
        SCENARIOS.put("latency", new AddedLatency());
        SCENARIOS.put("turn", new SecondTurn());
        SCENARIOS.put("stall", new Stall());
        SCENARIOS.put("beside", new Beside());
        SCENARIOS.put("cancel", new Cancel());
        SCENARIOS.put("options", new OptionCosts());
    }

    private Bench() {}

    /** Runs the benchmark. */
    public static void main(String[] args) throws IOException {
        Options options;
        try {
            options = Options.parse(args);
        } catch (IllegalArgumentException wrong) {
            System.err.println(wrong.getMessage() + "\n" + Options.USAGE);
            System.exit(64);
            return;
        }
        LocalDateTime begun = LocalDateTime.now();
        Report report = new Report(options.engines(), options.only(), options.isFixture());
        report.fact("date", begun.format(DateTimeFormatter.ISO_LOCAL_DATE));
        report.fact("machine", Machine.cpu() + ", " + Machine.cores() + ", " + Machine.memory());
        report.fact("system", Machine.system());
        report.fact("Java", System.getProperty("java.vm.name") + " " + System.getProperty("java.version"));
        report.fact("mlx4j", System.getProperty("bench.commit", "unknown"));
        report.fact("run", (options.quick() ? "quick" : "full") + ", seed " + options.seed());
        report.fact("load before", Interval.number(Machine.load()));
        String name = begun.format(DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss"));
        for (ProviderKind engine : options.engines()) {
            measure(engine, options, report, name);
        }
        report.fact("load after", Interval.number(Machine.load()));
        Path json = report.write(options.out(), name);
        System.out.println(report.markdown());
        System.out.println("Raw values, tables and charts: " + json.getParent() + " (" + json.getFileName() + ")");
        System.exit(report.holds() ? 0 : 1);
    }

    private static void measure(ProviderKind engine, Options options, Report report, String file) {
        if (options.only().stream().noneMatch(name -> SCENARIOS.get(name).measures(engine))) {
            report.note(engine.id(), "none of the chosen scenarios measures it");
            return;
        }
        try (Lab lab = new Lab(engine, options, report)) {
            lab.alone.info().properties().forEach(fact -> {
                if (!fact.getValue().asText().isEmpty()) {
                    report.fact(fact.getKey(), fact.getValue().asText());
                }
            });
            Path folder = Path.of(options.model());
            String name = options.isFixture() ? "tiny-chat" : options.model();
            report.fact("model", name + (Files.isDirectory(folder) ? ", " + BenchModel.hash(folder) : ""));
            lab.checkParity();
            for (Map.Entry<String, Scenario> scenario : SCENARIOS.entrySet()) {
                if (options.only().contains(scenario.getKey())
                        && scenario.getValue().measures(engine)) {
                    run(scenario.getKey(), scenario.getValue(), lab);
                    report.write(options.out(), file); // so that a run that is ended keeps what it has measured
                }
            }
        } catch (IOException | RuntimeException failure) {
            failure.printStackTrace();
            report.note(engine.id(), "ended early: " + failure);
        }
    }

    private static void run(String name, Scenario scenario, Lab lab) {
        long begun = System.nanoTime();
        try {
            scenario.run(lab);
        } catch (Exception failure) {
            if (!(failure instanceof UnsupportedOperationException)) {
                failure.printStackTrace();
            }
            lab.report.note(lab.engine.id() + ": " + name, String.valueOf(failure.getMessage()));
        }
        System.err.printf("%s, %s: %.0f s%n", lab.engine.id(), name, (System.nanoTime() - begun) / 1e9);
    }
}
