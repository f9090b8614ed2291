package io.github.mlx4j.cli.environment;

import io.github.mlx4j.ProviderFactory;
import io.github.mlx4j.RoleModel;
import io.github.mlx4j.config.WorkerPoolConfig;
import io.github.mlx4j.device.ByteText;
import io.github.mlx4j.device.DeviceManager;
import io.github.mlx4j.device.MemoryManager;
import io.github.mlx4j.model.registry.MemoryNeed;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/** The section of {@code mlx4j doctor} about roles: their models, and whether these fit into memory together. */
final class RolesSection {

    private RolesSection() {}

    static Map<String, Object> describe(ProviderFactory providers) {
        List<RoleModel> roles = providers.roles();
        Map<String, MemoryNeed> needs = new LinkedHashMap<>();
        roles.stream().filter(role -> role.need() != null).forEach(role -> needs.put(role.model(), role.need()));
        Map<String, Object> section = new LinkedHashMap<>();
        section.put("models", roles.stream().map(role -> describe(role, roles)).toList());
        section.put(
                "memory",
                needs.isEmpty() ? null : memory(needs, providers.config().pool()));
        return section;
    }

    private static Map<String, Object> describe(RoleModel role, List<RoleModel> all) {
        Map<String, Object> one = new LinkedHashMap<>();
        one.put("role", role.role().id());
        one.put("model", role.model());
        one.put("origin", role.origin());
        one.put(
                "sharedWith",
                all.stream()
                        .filter(other -> other != role && other.model().equals(role.model()))
                        .map(other -> other.role().id())
                        .toList());
        return one;
    }

    private static Map<String, Object> memory(Map<String, MemoryNeed> needs, WorkerPoolConfig options) {
        OptionalLong available = new MemoryManager(new DeviceManager(), options.reservedBytes()).availableBytes();
        long sum = needs.values().stream().mapToLong(MemoryNeed::bytes).sum();
        boolean known = needs.values().stream().allMatch(MemoryNeed::known);
        List<Map<String, Object>> each = new ArrayList<>();
        needs.forEach((model, need) -> {
            Map<String, Object> one = new LinkedHashMap<>();
            one.put("model", model);
            one.put("neededBytes", need.bytes());
            one.put("known", need.known());
            one.put("arithmetic", need.explanation());
            each.add(one);
        });
        Map<String, Object> memory = new LinkedHashMap<>();
        memory.put("needs", each);
        memory.put("neededBytes", sum);
        memory.put("availableBytes", available.isPresent() ? available.getAsLong() : null);
        memory.put("reservedBytes", options.reservedBytes());
        memory.put("maxWorkers", options.maxWorkers() == Integer.MAX_VALUE ? null : options.maxWorkers());
        memory.put("together", together(needs.size(), sum, known, available, options));
        return memory;
    }

    /** Returns whether all models can be loaded at the same time; {@code null} if unknown. */
    private static @Nullable Boolean together(
            int models, long sum, boolean known, OptionalLong available, WorkerPoolConfig options) {
        if (models > options.maxWorkers()) {
            return false;
        }
        if (models == 1) {
            return true;
        }
        boolean tooMuch = available.isPresent() && sum > available.getAsLong();
        return tooMuch ? Boolean.FALSE : known && available.isPresent() ? Boolean.TRUE : null;
    }

    static void print(Map<?, ?> section, PrintWriter out) {
        out.printf("%nroles:%n");
        for (Object entry : DoctorCommand.required(section, "models", List.class)) {
            Map<?, ?> one = (Map<?, ?>) entry;
            out.printf("  %-12s %s (%s)%n", one.get("role"), one.get("model"), one.get("origin"));
        }
        if (section.get("memory") instanceof Map<?, ?> memory) {
            printMemory(memory, out);
        }
    }

    private static void printMemory(Map<?, ?> memory, PrintWriter out) {
        out.printf("  workers, one for each model:%n");
        List<?> needs = DoctorCommand.required(memory, "needs", List.class);
        for (Object entry : needs) {
            Map<?, ?> one = (Map<?, ?>) entry;
            out.printf("    %s: %s%n", one.get("model"), one.get("arithmetic"));
        }
        String available = memory.get("availableBytes") instanceof Long bytes ? ByteText.text(bytes) : "unknown bytes";
        out.printf(
                "    in all %s%s; available %s beside a reserve of %s%s%n",
                needs.stream().allMatch(one -> Boolean.TRUE.equals(((Map<?, ?>) one).get("known"))) ? "" : "at least ",
                ByteText.text(DoctorCommand.required(memory, "neededBytes", Long.class)),
                available,
                ByteText.text(DoctorCommand.required(memory, "reservedBytes", Long.class)),
                memory.get("maxWorkers") == null ? "" : "; MLX4J_MAX_WORKERS is " + memory.get("maxWorkers"));
        if (needs.size() > 1) {
            Object together = memory.get("together");
            out.printf(
                    "    %s%n",
                    together == null
                            ? "whether they fit together is not known"
                            : Boolean.TRUE.equals(together)
                                    ? "they fit together"
                                    : "they take turns: idle ones are stopped for others");
        }
    }
}
