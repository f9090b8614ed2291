package io.github.mlx4j.device;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Parses the output of macOS commands. */
final class MacReadings {

    /** With {@code -i}, sysctl ignores names that this Mac doesn't have. */
    static final String[] SYSCTL = {
        "/usr/sbin/sysctl",
        "-i",
        "machdep.cpu.brand_string",
        "hw.memsize",
        "hw.ncpu",
        "hw.optional.arm64",
        "hw.perflevel0.name",
        "hw.perflevel0.physicalcpu",
        "hw.perflevel1.name",
        "hw.perflevel1.physicalcpu",
        "hw.perflevel2.name",
        "hw.perflevel2.physicalcpu",
        "hw.perflevel3.name",
        "hw.perflevel3.physicalcpu",
        "iogpu.wired_limit_mb",
        "sysctl.proc_translated"
    };

    static final String[] VM_STAT = {"/usr/bin/vm_stat"};
    static final String[] DISPLAYS = {"/usr/sbin/system_profiler", "SPDisplaysDataType", "-json"};

    private static final int MAX_LEVELS = 4; // Apple silicon has two so far
    private static final long LARGE_MEMORY = 36L << 30;
    private static final Pattern PAGE_SIZE = Pattern.compile("page size of (\\d{1,9}) bytes");

    private MacReadings() {}

    static Hardware hardware(String os, String architecture, int cores, String sysctl) {
        Map<String, String> values = values(sysctl);
        boolean translated = "1".equals(values.get("sysctl.proc_translated"));
        boolean apple = translated || architecture.equals("aarch64") || "1".equals(values.get("hw.optional.arm64"));
        String chip = values.get("machdep.cpu.brand_string");
        Long ncpu = number(values.get("hw.ncpu"));
        Long memory = number(values.get("hw.memsize"));
        Long set = apple ? wiredLimit(values) : null;
        return new Hardware(
                os,
                architecture,
                chip,
                Hardware.generation(chip),
                Hardware.Variant.of(chip),
                ncpu == null ? cores : ncpu.intValue(),
                apple ? coreLevels(values) : List.of(),
                memory,
                set != null || !apple || memory == null ? set : (Long) workingSet(memory),
                set != null,
                apple,
                translated);
    }

    /** Returns the limit set by an administrator; 0 means that macOS decides. */
    private static @Nullable Long wiredLimit(Map<String, String> values) {
        Long limit = number(values.get("iogpu.wired_limit_mb"));
        return limit == null || limit == 0 ? null : (Long) (limit << 20);
    }

    /**
     * Estimates Metal's {@code recommendedMaxWorkingSetSize}, which only programs that use Metal can read. Apple
     * documents no formula. Reported values are 2/3 of the memory below 36 GiB, and 3/4 from there on. macOS 26 reports
     * more (74 and 84 %), so this estimate is conservative.
     */
    static long workingSet(long memory) {
        return memory < LARGE_MEMORY ? memory / 3 * 2 : memory / 4 * 3;
    }

    private static List<Hardware.CoreLevel> coreLevels(Map<String, String> values) {
        List<Hardware.CoreLevel> levels = new ArrayList<>();
        for (int level = 0; level < MAX_LEVELS; level++) {
            Long cores = number(values.get("hw.perflevel" + level + ".physicalcpu"));
            if (cores != null) {
                String name = values.getOrDefault("hw.perflevel" + level + ".name", "level " + level);
                levels.add(new Hardware.CoreLevel(name, cores.intValue()));
            }
        }
        return levels;
    }

    /**
     * Returns the memory that macOS can provide without swapping, in bytes. It includes free pages, pages that can be
     * dropped (file-backed and purgeable), and half of the anonymous pages of other programs, because macOS compresses
     * them (to half their size or less) before it swaps. Wired and compressed pages don't count. vm_stat doesn't say
     * who owns the anonymous pages, so {@code heldBytes}, the memory of our own workers, is subtracted from them:
     * weights don't compress. Memory that the GPU has currently wired is not part of the anonymous pages, so the result
     * may be too low by half of that amount.
     *
     * @param heldBytes the memory in bytes that workers of this program hold
     */
    static OptionalLong available(String vmStat, long heldBytes) {
        Matcher pageSize = PAGE_SIZE.matcher(vmStat);
        Map<String, String> values = values(vmStat);
        Long free = number(values.get("Pages free"));
        Long fileBacked = number(values.get("File-backed pages")); // active, inactive or speculative
        Long purgeable = number(values.get("Pages purgeable")); // also counted as anonymous
        Long anonymous = number(values.get("Anonymous pages"));
        if (!pageSize.find() || free == null || fileBacked == null || purgeable == null || anonymous == null) {
            return OptionalLong.empty();
        }
        long bytes = Long.parseLong(pageSize.group(1));
        long compressible = Math.max(0, (anonymous - purgeable) * bytes - heldBytes);
        return OptionalLong.of((free + fileBacked + purgeable) * bytes + compressible / 2);
    }

    /** Returns the core count of the first GPU that reports one. */
    static OptionalInt gpuCores(String displays) {
        try {
            for (JsonNode gpu : new JsonMapper().readTree(displays).path("SPDisplaysDataType")) {
                Long count = number(gpu.path("sppci_cores").asText());
                if (count != null) {
                    return OptionalInt.of(count.intValue());
                }
            }
        } catch (JsonProcessingException unknown) {
            return OptionalInt.empty();
        }
        return OptionalInt.empty();
    }

    /** Parses lines of the form {@code name: value}. vm_stat ends its values with a dot. */
    private static Map<String, String> values(String text) {
        Map<String, String> values = new HashMap<>();
        text.lines().forEach(line -> {
            int colon = line.indexOf(':');
            if (colon > 0) {
                values.put(
                        line.substring(0, colon).strip(),
                        line.substring(colon + 1).strip().replaceFirst("\\.$", ""));
            }
        });
        return values;
    }

    private static @Nullable Long number(@Nullable String text) {
        return text != null && text.matches("\\d{1,18}") ? Long.valueOf(text) : null;
    }
}
