package io.github.mlx4j.device;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/**
 * Collects the lines of {@code macmon pipe}, each with the mean power since the previous line, and calculates the
 * energy from them. Times are those of {@link System#nanoTime()}. Thread-safe.
 */
final class PowerReadings {

    private static final JsonMapper JSON = new JsonMapper();
    private static final Map<String, String> PARTS = Map.of(
            "cpu", "cpu_power",
            "gpu", "gpu_power",
            "ane", "ane_power",
            "system", "sys_power");

    private final List<Reading> readings = new ArrayList<>();
    private long last;

    /** The power during an interval, in watts: of all processors together, and of each component. */
    private record Reading(long from, long to, double all, Map<String, Double> parts) {

        double overlap(long begin, long end) {
            return Math.max(0, Math.min(to, end) - Math.max(from, begin));
        }
    }

    /** Creates a collection whose first interval begins at this time. */
    PowerReadings(long begun) {
        this.last = begun;
    }

    /** Adds a line received now; lines without power values are ignored. */
    synchronized void accept(String line, long now) {
        JsonNode told;
        try {
            told = JSON.readTree(line);
        } catch (JsonProcessingException other) {
            return;
        }
        Map<String, Double> parts = new LinkedHashMap<>();
        PARTS.forEach((name, field) -> {
            if (told.path(field).isNumber()) {
                parts.put(name, told.path(field).doubleValue());
            }
        });
        if (told.path("all_power").isNumber()) {
            readings.add(new Reading(last, now, told.path("all_power").doubleValue(), parts));
            last = now;
            notifyAll();
        }
    }

    /** Waits until a reading covers this time, or until the timeout. */
    synchronized void await(long moment, Duration patience) {
        long deadline = System.nanoTime() + patience.toNanos();
        try {
            while (last < moment && System.nanoTime() < deadline) {
                TimeUnit.NANOSECONDS.timedWait(this, Math.max(1_000_000, deadline - System.nanoTime()));
            }
        } catch (InterruptedException interrupt) {
            Thread.currentThread().interrupt();
        }
    }

    /**
     * Calculates the energy between two times: the duration multiplied by the mean power of the readings in between.
     */
    synchronized Optional<Energy> between(long begin, long end) {
        double covered = 0;
        double nanowatts = 0;
        Map<String, Double> parts = new TreeMap<>();
        for (Reading reading : readings) {
            double share = reading.overlap(begin, end);
            covered += share;
            nanowatts += share * reading.all;
            if (share > 0) {
                reading.parts.forEach((name, watts) -> parts.merge(name, share * watts, Double::sum));
            }
        }
        if (covered <= 0 || covered < (end - begin) / 2.0) {
            return Optional.empty();
        }
        double whole = covered;
        parts.replaceAll((name, sum) -> sum / whole);
        double seconds = (end - begin) / 1e9;
        return Optional.of(new Energy(nanowatts / covered * seconds, Duration.ofNanos(end - begin), parts));
    }
}
