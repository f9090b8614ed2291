package io.github.mlx4j.probe;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * What {@code probe.py} prints.
 *
 * @param version the interpreter's version, three numbers
 * @param machine the processor that the interpreter was built for
 * @param versions of the distributions that have the modules asked for
 * @param missing modules that are not there
 * @param broken modules that can't be imported, with the reason
 * @param userOnly missing modules that the user's own site-packages have
 */
@JsonIgnoreProperties(ignoreUnknown = true)
record PythonReport(
        List<Integer> version,
        String machine,
        Map<String, String> versions,
        List<String> missing,
        Map<String, String> broken,
        List<String> userOnly) {

    String versionText() {
        return version.stream().map(String::valueOf).collect(Collectors.joining("."));
    }

    boolean isOlderThan(int major, int minor) {
        return version.get(0) < major || (version.get(0) == major && version.get(1) < minor);
    }
}
