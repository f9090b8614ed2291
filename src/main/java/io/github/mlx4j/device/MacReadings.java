package io.github.mlx4j.device;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Reads what macOS's own commands print. */
final class MacReadings {

    /** {@code -i}: a name that this Mac doesn't have is passed over. */
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
        "iogpu.wired_limit_mb",
        "sysctl.proc_translated"
    };

    static final String[] VM_STAT = {"/usr/bin/vm_stat"};
    static final String[] DISPLAYS = {"/usr/sbin/system_profiler", "SPDisplaysDataType", "-json"};

    private static final Pattern PAGE_SIZE = Pattern.compile("page size of (\\d{1,9}) bytes");

    private MacReadings() {}

    static Hardware hardware(String os, String architecture, int cores, String sysctl) {
        Map<String, String> values = values(sysctl);
        boolean translated = "1".equals(values.get("sysctl.proc_translated"));
        boolean apple = translated || architecture.equals("aarch64") || "1".equals(values.get("hw.optional.arm64"));
        String chip = values.get("machdep.cpu.brand_string");
        Long ncpu = number(values.get("hw.ncpu"));
        Long limit = number(values.get("iogpu.wired_limit_mb"));
        return new Hardware(
                os,
                architecture,
                chip,
                Hardware.generation(chip),
                Hardware.Variant.of(chip),
                ncpu == null ? cores : ncpu.intValue(),
                apple ? coresOf(values, false) : null,
                apple ? coresOf(values, true) : null,
                number(values.get("hw.memsize")),
                apple && limit != null && limit > 0 ? (Long) (limit << 20) : null,
                apple,
                translated);
    }

    /** Cores of the levels that are, or are not, called Efficiency; without names the second level is the slower. */
    private static @Nullable Integer coresOf(Map<String, String> values, boolean efficiency) {
        Integer sum = null;
        for (int level = 0; level < 2; level++) {
            String name = values.getOrDefault("hw.perflevel" + level + ".name", level == 0 ? "" : "Efficiency");
            Long count = number(values.get("hw.perflevel" + level + ".physicalcpu"));
            if (count != null && name.equals("Efficiency") == efficiency) {
                sum = (sum == null ? 0 : sum) + count.intValue();
            }
        }
        return sum;
    }

    /** Pages that can be had without swapping: free, inactive, speculative, purgeable. */
    static OptionalLong available(String vmStat) {
        Matcher pageSize = PAGE_SIZE.matcher(vmStat);
        Map<String, String> values = values(vmStat);
        if (!pageSize.find() || number(values.get("Pages free")) == null) {
            return OptionalLong.empty();
        }
        long pages = 0;
        for (String kind : new String[] {"free", "inactive", "speculative", "purgeable"}) {
            Long count = number(values.get("Pages " + kind));
            pages += count == null ? 0 : count;
        }
        return OptionalLong.of(pages * Long.parseLong(pageSize.group(1)));
    }

    /** The cores of the first GPU that says how many it has. */
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

    /** Lines of the form {@code name: value}; vm_stat ends its values with a dot. */
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
