package io.github.mlx4j;

import io.github.mlx4j.device.ProgramFolders;
import io.github.mlx4j.environment.Platform;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The file system of a Mac in a folder, with scripts that replace Apple's commands and Python interpreters. */
public final class FakeMac {

    /** The PATH of a program that was started from the Dock, from an IDE or by launchd. */
    public static final String DOCK_PATH = "/usr/bin:/bin:/usr/sbin:/sbin";

    /** A Mac with a native JVM. */
    public static final Platform NATIVE = new Platform("Mac OS X", "aarch64", false, "15.1");

    /** The same with an Intel JVM. */
    public static final Platform ROSETTA = new Platform("Mac OS X", "x86_64", true, "15.1");

    private final Path root;

    /** An empty one. */
    public FakeMac(Path root) {
        this.root = root;
    }

    /** Where a path of the Mac is. */
    public Path at(String path) {
        return root.resolve(path.substring(1));
    }

    /** Its folders, with HOME /Users/me. */
    public ProgramFolders folders(String path, String... variables) {
        Map<String, String> environment = new HashMap<>(Map.of("PATH", path, "HOME", "/Users/me"));
        for (int i = 0; i < variables.length; i += 2) {
            environment.put(variables[i], variables[i + 1]);
        }
        return new ProgramFolders(environment, root, true);
    }

    /**
     * Adds an interpreter, which notes that it was run.
     *
     * @param path where
     * @param version its version
     * @param machine {@code arm64}, {@code x86_64}, or {@code universal}, which runs as the program that starts it
     *     does, an Intel one, unless {@code arch} starts it
     * @param complete whether it has every package of both workers
     */
    public Path python(String path, String version, String machine, boolean complete) throws IOException {
        String report = StubPython.report(version, "\"mlx-lm\": \"0.32.2\", \"transformers\": \"5.1.0\"")
                .replace("/stub", at(path).toString())
                .replace(
                        "\"arm64\"",
                        machine.equals("universal") ? "\"'${FAKE_ARCH:-x86_64}'\"" : "\"" + machine + "\"");
        String found = complete ? report : report.replace("\"missing\": []", "\"missing\": [\"mlx_lm\"]");
        return StubPython.script(
                at(path),
                "#!/bin/sh",
                "echo " + path + " >> '" + root.resolve("asked") + "'",
                "[ $# -gt 6 ] || { echo '" + report + "'; exit; }", // asked for no package
                "echo '" + found + "'");
    }

    /** Adds Apple's placeholder for Python. Without developer tools, running it opens a dialog. */
    public void placeholder() throws IOException {
        StubPython.script(
                at("/usr/bin/python3"),
                "#!/bin/sh",
                "[ -e '" + at("/tools") + "' ] || { echo dialog >> '" + root.resolve("dialogs") + "'; exit 1; }",
                "exec '" + at("/tools/usr/bin/python3") + "' \"$@\"");
        StubPython.script(at("/usr/bin/xcode-select"), "#!/bin/sh", "echo 'error: no developer tools' >&2", "exit 2");
    }

    /** Adds the developer tools; without {@code python} they were removed, though they are still selected. */
    public void tools(boolean python) throws IOException {
        StubPython.script(at("/usr/bin/xcode-select"), "#!/bin/sh", "[ \"$1\" = -p ] && echo /tools");
        if (python) {
            python("/tools/usr/bin/python3", "3.9.6", "arm64", false);
        }
    }

    /** Adds {@code arch}. */
    public void arch() throws IOException {
        StubPython.script(
                at("/usr/bin/arch"),
                "#!/bin/sh",
                "[ \"$1 $2\" = '-arm64 -x86_64' ] || exit 64",
                "shift 2",
                "FAKE_ARCH=arm64 exec \"$@\"");
    }

    /** Adds a link. */
    public void link(String path, String target) throws IOException {
        Files.createDirectories(at(path).getParent());
        Files.createSymbolicLink(at(path), at(target));
    }

    /** The interpreters that were run, in order. */
    public List<String> asked() throws IOException {
        Path asked = root.resolve("asked");
        return Files.exists(asked) ? new ArrayList<>(Files.readAllLines(asked)) : List.of();
    }

    /** Whether Apple's dialog was opened. */
    public boolean openedADialog() {
        return Files.exists(root.resolve("dialogs"));
    }
}
