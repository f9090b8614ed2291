package io.github.mlx4j.environment;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * The output of {@code probe.py}.
 *
 * @param version the interpreter's version, three numbers
 * @param executable the path of the actual interpreter, behind a version manager's script or a virtual environment
 * @param machine the architecture that the interpreter runs as
 * @param versions the versions of the distributions that contain the requested modules
 * @param missing modules that are not installed
 * @param broken modules that can't be imported, with the reason
 * @param userOnly missing modules that are in the user's site-packages
 */
@JsonIgnoreProperties(ignoreUnknown = true)
record PythonReport(
        List<Integer> version,
        String executable,
        String machine,
        Map<String, String> versions,
        List<String> missing,
        Map<String, String> broken,
        List<String> userOnly) {

    String versionText() {
        return version.stream().map(String::valueOf).collect(Collectors.joining("."));
    }

    /**
     * Returns the reason why no worker can run in this interpreter, whatever packages it has.
     *
     * @param interpreter the path of the interpreter
     * @param needing what needs a newer Python, for the message
     * @param arm64 whether the interpreter must run as arm64
     * @param kind the worker kind, for the message
     */
    Optional<Availability.Unavailable> whyUnsuitable(Path interpreter, String needing, boolean arm64, String kind) {
        if (isOlderThan(3, WorkerProbe.OLDEST_PYTHON_MINOR)) {
            return Optional.of(new Availability.Unavailable(
                    Reason.PYTHON_TOO_OLD,
                    "%s is Python %s, but %s needs 3.%d or newer."
                            .formatted(interpreter, versionText(), needing, WorkerProbe.OLDEST_PYTHON_MINOR),
                    "Install a newer Python and run `mlx4j setup %s`, or name one in PYTHON_PATH.".formatted(kind)));
        }
        if (arm64 && !machine.equals("arm64")) {
            return Optional.of(new Availability.Unavailable(
                    Reason.PYTHON_NOT_ARM64,
                    "%s runs as %s, but the packages need an arm64 Python on Apple silicon."
                            .formatted(interpreter, machine),
                    "Install an arm64 Python, such as with `/opt/homebrew/bin/brew install python` or from python.org,"
                            + " and run `mlx4j setup %s --force`, or name one in PYTHON_PATH.".formatted(kind)));
        }
        return Optional.empty();
    }

    boolean isNewerThan(int major, int minor) {
        return version.get(0) > major || (version.get(0) == major && version.get(1) > minor);
    }

    private boolean isOlderThan(int major, int minor) {
        return version.get(0) < major || (version.get(0) == major && version.get(1) < minor);
    }
}
