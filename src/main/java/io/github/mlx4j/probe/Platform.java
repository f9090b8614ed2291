package io.github.mlx4j.probe;

import java.util.Locale;
import java.util.Optional;
import org.zeroturnaround.exec.ProcessExecutor;

/**
 * What this JVM runs on.
 *
 * @param os the system property {@code os.name}
 * @param arch the system property {@code os.arch}
 * @param translated whether this is an Intel JVM on Apple silicon
 */
public record Platform(String os, String arch, boolean translated) {

    /** The platform of this JVM. */
    public static Platform current() {
        String os = System.getProperty("os.name");
        String arch = System.getProperty("os.arch");
        return new Platform(os, arch, isMac(os) && !arch.equals("aarch64") && isTranslated());
    }

    /** Whether it is Windows. */
    public boolean isWindows() {
        return os.toLowerCase(Locale.ROOT).startsWith("windows");
    }

    /** Why MLX's own platform, a Mac with Apple silicon, is not given; empty if it is. */
    Optional<Availability.Unavailable> whyNotAppleSilicon() {
        String override =
                "Or set MLX4J_ALLOW_ANY_PLATFORM=true to use MLX's own builds for this platform, if there are any.";
        if (!isMac(os)) {
            return Optional.of(new Availability.Unavailable(
                    Reason.NOT_MACOS,
                    "MLX is made for macOS on Apple silicon, but this is " + os + " on " + arch + ".",
                    "Use another provider here (hf runs everywhere). " + override));
        }
        if (translated) {
            return Optional.of(new Availability.Unavailable(
                    Reason.ROSETTA_JVM,
                    "This Mac has Apple silicon, but this JVM is an Intel one (os.arch " + arch
                            + "), which Rosetta translates.",
                    "Install a JDK for macOS aarch64 and run the program with it."));
        }
        if (!arch.equals("aarch64")) {
            return Optional.of(new Availability.Unavailable(
                    Reason.NOT_ARM64,
                    "MLX needs Apple silicon (aarch64), but this Mac's processor is " + arch + ".",
                    "Use another provider on this Mac (hf runs everywhere)."));
        }
        return Optional.empty();
    }

    private static boolean isMac(String os) {
        return os.toLowerCase(Locale.ROOT).startsWith("mac");
    }

    private static boolean isTranslated() {
        try {
            return new ProcessExecutor("/usr/sbin/sysctl", "-in", "sysctl.proc_translated")
                    .readOutput(true)
                    .execute()
                    .outputUTF8()
                    .strip()
                    .equals("1");
        } catch (Exception unknown) {
            return false; // no such value on an Intel Mac
        }
    }
}
